"""STS: credentials for those who may have them, for as long as AWS allows, with what was asked for them.

moto hands out credentials for any ARN (and says so in its docstring), forgets session policies, tags and source
identity, and gives everybody the same session token. Whether a caller may assume a role is decided at the front door,
like every other request; what is asked for is checked here. https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from sandbox import identity, sessions, signatures
from sandbox.calls import Call
from sandbox.door import on_service
from sandbox.errors import AwsError
from sandbox.ext import sts_asked as asked
from sandbox.ext.sts_answer import answer, credentials
from sandbox.identity import Principal
from sandbox.settings import Settings

_CHAINED_S = 3600
_USER_SESSION_S, _LONGEST_USER_SESSION_S = 43200, 129600
_UNKNOWN_TOKEN = "The security token included in the request is invalid"


def install(settings: Settings) -> None:
    """Answer STS, and keep sessions of users away from IAM."""
    del settings
    on_service("sts", _handle)
    on_service("iam", _keep_user_sessions_out)


def _handle(call: Call) -> Response | None:
    if call.operation == "AssumeRoleWithSAML":  # moto would hand out credentials; no account here has such a provider
        raise asked.not_authorized(None, call.operation, "*")
    operation = _OPERATIONS.get(call.operation)
    if operation is None:
        return None
    if call.principal is None:
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    return operation(call, call.principal)


def _get_caller_identity(call: Call, who: Principal) -> Response:
    """GetCallerIdentity needs no permission."""
    return answer(call.operation, {"Arn": who.arn, "UserId": who.unique_id, "Account": who.account_id})


def _assume_role(call: Call, who: Principal) -> Response:
    """AssumeRole (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html)."""
    if who.session is not None and who.kind == "federated":
        raise asked.not_authorized(who, call.operation, asked.parameters(call).get("RoleArn", "*"))
    request = asked.read(call)
    role = identity.find_role(request.role_arn)
    if role is None:  # no different from a role that may not be assumed, so that nobody can probe for names
        raise asked.not_authorized(who, call.operation, request.role_arn)
    if request.has_mfa:
        raise AwsError("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", 403)
    request.check_duration(role, is_chained=who.kind == "session", chained_s=_CHAINED_S)
    tags, transitive = asked.tags_along(who.session, request)
    source = asked.source_identity_along(who.session, request, who, call.operation)
    session = identity.open_role_session(
        request.role_arn,
        session_name=request.session_name,
        duration_s=request.duration_s,
        policy=request.policy,
        policy_arns=request.policy_arns,
        tags=tags,
        transitive=transitive,
        source_identity=source,
    )
    return answer(
        call.operation,
        {
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            "Credentials": credentials(session),
            **request.packed_size(),
            **({"SourceIdentity": source} if source else {}),
        },
    )


def _get_session_token(call: Call, who: Principal) -> Response:
    """GetSessionToken (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html)."""
    user = _user_behind(call, who)
    form = asked.parameters(call)
    if "SerialNumber" in form or "TokenCode" in form:
        raise AwsError("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", 403)
    session = sessions.open_session(
        kind="user",
        account_id=who.account_id,
        arn=who.arn,
        user_id=who.unique_id,
        user_name=user,
        duration_s=asked.duration(form, _USER_SESSION_S, longest=_LONGEST_USER_SESSION_S),
        now=signatures.now(),
    )
    return answer(call.operation, {"Credentials": credentials(session)})


def _get_federation_token(call: Call, who: Principal) -> Response:
    """GetFederationToken (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html).

    Without a session policy such a session may do nothing that identity policies would have to allow.
    """
    user = _user_behind(call, who)
    form = asked.parameters(call)
    name = asked.name(form, "Name", longest=32)
    policy, policy_arns = asked.session_policies(form, account_id=who.account_id)
    tags, _ = asked.tags(form)
    session = sessions.open_session(
        kind="federated",
        account_id=who.account_id,
        arn=f"arn:aws:sts::{who.account_id}:federated-user/{name}",
        user_id=f"{who.account_id}:{name}",
        user_name=user,
        policy=policy,
        policy_arns=policy_arns,
        tags=tags,
        duration_s=asked.duration(form, _USER_SESSION_S, longest=_LONGEST_USER_SESSION_S),
        now=signatures.now(),
    )
    return answer(
        call.operation,
        {
            "FederatedUser": {"FederatedUserId": session.user_id, "Arn": session.arn},
            "Credentials": credentials(session),
            **asked.packed_size(policy, policy_arns, tags),
        },
    )


def _get_access_key_info(call: Call, who: Principal) -> Response:
    """GetAccessKeyInfo: the account of a key."""
    del who
    key_id = asked.parameters(call).get("AccessKeyId", "")
    account_id = identity.account_of_key(key_id)
    if account_id is None:
        raise AwsError("ValidationError", f"1 validation error detected: the key {key_id[:128]!a} does not exist.")
    return answer(call.operation, {"Account": account_id})


def _user_behind(call: Call, who: Principal) -> str:
    """Return the user who calls with a key of their own; sessions cannot have further ones made of them."""
    if who.kind != "user" or who.session is not None or who.user_name is None:
        raise AwsError("AccessDenied", f"Cannot call {call.operation} with session credentials", 403)
    return who.user_name


def _keep_user_sessions_out(call: Call) -> None:
    """Sessions that users made of themselves, or of others, call IAM only with MFA, which the sandbox does not know
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html).
    """
    if call.principal is not None and call.principal.session is not None and call.principal.kind != "session":
        raise AwsError("InvalidClientTokenId", _UNKNOWN_TOKEN, 403)


_OPERATIONS: dict[str, Callable[[Call, Principal], Any]] = {
    "AssumeRole": _assume_role,
    "GetAccessKeyInfo": _get_access_key_info,
    "GetCallerIdentity": _get_caller_identity,
    "GetFederationToken": _get_federation_token,
    "GetSessionToken": _get_session_token,
}
