"""AssumeRoleWithWebIdentity: a pipeline's token for a role's session. It is not signed: the token is the proof.

What a token must be: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html; what trust
policies see of it: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
("Available keys for AWS OIDC federation"). Issuers are those that the sandbox plays (`sandbox/oidc`); their keys are
served below `/_sandbox/oidc/<host>/`. Thumbprints are not compared: AWS verifies these issuers by its own library of
trusted authorities (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.iam.models import iam_backends
from werkzeug.wrappers import Response

from glue.iam import Principal, Request, evaluate
from sandbox import identity, signatures
from sandbox.calls import Call
from sandbox.door import on_path, on_service
from sandbox.errors import AwsError
from sandbox.ext import sts_asked as asked
from sandbox.ext.sts_answer import answer, credentials
from sandbox.iam import denials, world
from sandbox.oidc import issuers, keys, tokens
from sandbox.settings import Settings

_OPERATION = "AssumeRoleWithWebIdentity"
_LEEWAY_S = 300  # a token's clock may be ahead by so much
_TAGS, _SOURCE = "https://aws.amazon.com/tags", "https://aws.amazon.com/source_identity"
_PREFIX = "/_sandbox/oidc/"
Context = dict[str, str | tuple[str, ...]]


def install(settings: Settings) -> None:
    """Answer AssumeRoleWithWebIdentity, and serve the issuers' public keys."""

    def handle(call: Call) -> Response | None:
        return _assume(call, settings) if call.operation == _OPERATION else None

    on_service("sts", handle)
    on_path(_PREFIX, lambda call: _discover(call, settings))


def _assume(call: Call, settings: Settings) -> Response:
    request = asked.read(call)
    account_id = request.role_arn.split(":")[4]
    text = asked.parameters(call).get("WebIdentityToken", "")
    if "ProviderId" in asked.parameters(call):
        raise AwsError("ValidationError", "ProviderId is for OAuth 2.0 access tokens only")
    claims, provider = _verified(text, account_id, settings)
    role = identity.find_role(request.role_arn)
    context = _context(claims, provider, request)
    tags, transitive = _tags(claims)
    source = _source_identity(claims)
    if role is None:
        raise asked.not_authorized(None, _OPERATION, request.role_arn)
    for action, keys_of_it in _asked_for(tags, transitive, source).items():
        _require_trust(action, request.role_arn, provider, context | keys_of_it)
    request.check_duration(role, is_chained=False, chained_s=0)
    session = identity.open_role_session(
        request.role_arn,
        session_name=request.session_name,
        duration_s=request.duration_s,
        policy=request.policy,
        policy_arns=request.policy_arns,
        tags=tags,
        transitive=transitive,
        source_identity=source,
        provider=provider.arn,
        claims={name: str(context[name]) for name in (f"{provider.url}:aud", f"{provider.url}:sub")},
    )
    return answer(
        _OPERATION,
        {
            "SubjectFromWebIdentityToken": claims["sub"],
            "Audience": context[f"{provider.url}:aud"],
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            "Credentials": credentials(session),
            "Provider": provider.arn,
            **asked.packed_size(request.policy, request.policy_arns, tags),
            **({"SourceIdentity": source} if source else {}),
        },
    )


def _verified(text: str, account_id: str, settings: Settings) -> tuple[Mapping[str, Any], Any]:
    """Return the claims of a good token and moto's provider of the account that vouches for it."""
    try:
        token = tokens.read(text.strip())  # pipelines write it with `echo`, and SDKs send what the file holds
    except tokens.TokenError:
        raise _invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        ) from None
    claims = token.claims
    missing = [name for name in ("iss", "sub", "aud", "exp", "iat") if not claims.get(name)]
    if missing:
        raise _invalid(f"Missing a required claim: {missing[0]}")
    provider = _provider(claims["iss"], account_id)
    _require_audience(claims, provider)
    _require_time(claims)
    issuer = issuers.name_of(provider.url)
    if issuer is None:
        raise AwsError(
            "IDPCommunicationError",
            f"The identity provider {provider.url} could not be reached: the sandbox plays "
            f"{issuers.GITHUB_HOST}, oidc.circleci.com/org/<id> and {issuers.CONCOURSE_HOST} only.",
        )
    if not token.is_signed_by(keys.key_set(settings, issuer)):
        raise _invalid("The ID Token's signature could not be verified with the keys of its issuer")
    if not isinstance(claims["sub"], str) or not isinstance(claims.get("jti", ""), str):
        raise _invalid("The ID Token's subject is not a text")
    return claims, provider


def _provider(issuer: Any, account_id: str) -> Any:
    """Return the account's provider for an issuer: the URLs must be equal to the letter."""
    if isinstance(issuer, str) and issuer.startswith("https://"):
        for provider in list(iam_backends[account_id]["aws"].open_id_providers.values()):
            if issuer == f"https://{provider.url}":
                return provider
    raise _invalid(f"No OpenIDConnect provider found in your account for {_shown(issuer)}")


def _require_audience(claims: Mapping[str, Any], provider: Any) -> None:
    """azp counts when it is there, else the one audience; several audiences need an azp."""
    if _audience(claims) not in provider.client_id_list:
        raise _invalid("Incorrect token audience")


def _audience(claims: Mapping[str, Any]) -> str | None:
    found = claims.get("azp") or claims["aud"]
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    return found if isinstance(found, str) else None


def _require_time(claims: Mapping[str, Any]) -> None:
    now = signatures.now().timestamp()
    for name in ("exp", "iat", "nbf"):
        if name in claims and (isinstance(claims[name], bool) or not isinstance(claims[name], int | float)):
            raise _invalid(f"The claim {name} is not a number")
    if not claims["exp"] > now:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration date/time "
            f"{_shown(claims['exp'])}",
        )
    for name in ("iat", "nbf"):
        if not claims.get(name, now) <= now + _LEEWAY_S:
            raise _invalid(f"The ID Token is not valid yet: {name} is {_shown(claims[name])}, and it is {int(now)}")


def _context(claims: Mapping[str, Any], provider: Any, request: asked.Asked) -> Context:
    """Return the keys that trust policies see: aud (azp when that is there, and aud as oaud then), sub, amr."""
    context: Context = {
        f"{provider.url}:aud": str(_audience(claims)),
        f"{provider.url}:sub": claims["sub"],
        "aws:FederatedProvider": provider.arn,
        "sts:RoleSessionName": request.session_name,
    }
    if claims.get("azp"):
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        context[f"{provider.url}:oaud"] = tuple(str(one) for one in audiences)
    if isinstance(claims.get("amr"), list):
        context[f"{provider.url}:amr"] = tuple(str(one) for one in claims["amr"])
    return context


def _tags(claims: Mapping[str, Any]) -> tuple[dict[str, str], frozenset[str]]:
    """Return the session tags that a token carries
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp).
    """
    given = claims.get(_TAGS)
    if given is None:
        return {}, frozenset()
    try:
        named = {
            str(key): str(value if isinstance(value, str) else value[0])
            for key, value in given["principal_tags"].items()
        }
        form = {
            f"Tags.member.{number}.{part}": text
            for number, pair in enumerate(named.items(), start=1)
            for part, text in zip(("Key", "Value"), pair, strict=True)
        }
        transitive = enumerate(given.get("transitive_tag_keys", []), start=1)
        return asked.tags(form | {f"TransitiveTagKeys.member.{number}": str(key) for number, key in transitive})
    except (AttributeError, IndexError, KeyError, TypeError):
        raise _invalid(f"The claim {_TAGS} is malformed") from None


def _source_identity(claims: Mapping[str, Any]) -> str:
    source = claims.get(_SOURCE)
    if source is None:
        return ""
    if not isinstance(source, str):
        raise _invalid(f"The claim {_SOURCE} is malformed")
    return asked.name({"SourceIdentity": source}, "SourceIdentity")


def _asked_for(tags: Mapping[str, str], transitive: frozenset[str], source: str) -> dict[str, Context]:
    """Return the actions that the trust policy must allow, with their keys: tags and source identity need their own."""
    keys_of_all: Context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags:
        keys_of_all |= {"aws:TagKeys": tuple(tags), "sts:TransitiveTagKeys": tuple(sorted(transitive))}
    if source:
        keys_of_all["sts:SourceIdentity"] = source
    further = [*(["sts:TagSession"] if tags else []), *(["sts:SetSourceIdentity"] if source else [])]
    return dict.fromkeys([f"sts:{_OPERATION}", *further], keys_of_all)


def _require_trust(action: str, role_arn: str, provider: Any, context: Context) -> None:
    """The role's trust policy decides, whatever SANDBOX_IAM says: without it a token would be good for every role."""
    account_id = role_arn.split(":")[4]
    asking = Request(
        principal=Principal(kind="federated", arn=provider.arn),
        action=action,
        resource=role_arn,
        context=context,
        resource_account_id=account_id,
    )
    try:
        decision = evaluate(asking, world.policies(asking))
        allowed, reason = decision.allowed, decision.reason.value
    except world.Denied as denied:
        allowed, reason = False, str(denied)
    if not allowed:
        subject = str(context[f"{provider.url}:sub"])
        denials.add(
            principal=f"{provider.arn} {subject}",
            action=action,
            resource=role_arn,
            reason=reason,
            operation=_OPERATION,
            mode="enforce",
            account=account_id,
        )
        raise asked.not_authorized(None, _OPERATION, role_arn)


def _discover(call: Call, settings: Settings) -> Response:
    host, found, document = call.path.removeprefix(_PREFIX).partition("/.well-known/")
    issuer = issuers.name_of(host) if found else None
    if issuer is None or document not in {"jwks", "openid-configuration"}:
        return Response(json.dumps({"error": "not found"}), status=404, content_type="application/json")
    if document == "jwks":
        return Response(json.dumps(keys.key_set(settings, issuer)), content_type="application/json")
    about = {
        "issuer": f"https://{host}",
        "jwks_uri": f"https://{host}/.well-known/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [tokens.ALGORITHM],
    }
    return Response(json.dumps(about), content_type="application/json")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message)


def _shown(value: Any) -> str:
    return ascii(value)[:200].strip("'")
