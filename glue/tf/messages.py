"""What terraform's error messages mean to a user: one of our errors, with what to do next."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from glue.core import denial, roles
from glue.errors import AccessDeniedError, CredentialsError, RefusedError, SlipwayError
from glue.workspace import Stack

_LOCK_FIELD = re.compile(r"^\W*(ID|Path|Operation|Who|Version|Created):[ \t]+(.+?)\s*$", re.MULTILINE)
_SHOWN_LINES = 40


class StateLockedError(RefusedError):
    """Somebody else is at work on this state (exit 3). `lock_id` is None when terraform did not say."""

    def __init__(self, message: str, *, lock_id: str | None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.lock_id = lock_id


class RolledBackError(SlipwayError):
    """SageMaker rolled the deployment back by itself (exit 1)."""


class AlreadyExistsError(SlipwayError):
    """Something that should be created is there already, as after a killed run (exit 1)."""


class StalePlanError(RefusedError):
    """The state moved on since the plan was made (exit 3)."""


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    explain: Callable[[re.Match[str], str, Stack], SlipwayError]


def explain(output: str, *, stack: Stack, verb: str, log: str) -> SlipwayError:
    """Return the error for a terraform run that failed, from what it printed. `log` is where all of it lies."""
    text = _unboxed(output)
    for rule in _RULES:
        match = rule.pattern.search(text)
        if match:
            return rule.explain(match, text, stack)
    said = errors_in(text) or text.strip()[-2000:] or "it printed nothing"
    return SlipwayError(f"terraform {verb} of {stack.label} failed:\n{said}", remedy=f"All of its output: {log}")


def errors_in(output: str) -> str:
    """Return terraform's error paragraphs, shortened to a screen."""
    lines = _unboxed(output).splitlines()
    first = next((index for index, line in enumerate(lines) if line.startswith("Error: ")), None)
    if first is None:
        return ""
    shown = [line for line in lines[first:] if line.strip()]
    more = [f"... {len(shown) - _SHOWN_LINES} more lines"] if len(shown) > _SHOWN_LINES else []
    return "\n".join(shown[:_SHOWN_LINES] + more)


def _unboxed(output: str) -> str:
    """Return the text without colours and the box that terraform draws around errors on a terminal."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    return re.sub(r"^[╷│╵][ ]?", "", plain, flags=re.MULTILINE)


def _joined(text: str) -> str:
    return " ".join(text.split())


def _locked(_: re.Match[str], text: str, stack: Stack) -> SlipwayError:
    fields = dict(_LOCK_FIELD.findall(text))
    lock_id = fields.get("ID")
    denied = _DENIED.search(text)
    if lock_id is None and denied is not None:
        return _denied(denied, text, stack)
    if lock_id is None:
        said = _joined(text[text.find("Error acquiring the state lock") :])[:600]
        return SlipwayError(f"the state of {stack.label} could not be locked: {said}")
    who, since = fields.get("Who", "somebody"), fields.get("Created", "an unknown time")
    doing = fields.get("Operation", "").removeprefix("OperationType").lower() or "work"
    return StateLockedError(
        f"the state of {stack.label} is locked by {who} since {since} ({doing}, lock {lock_id})",
        lock_id=lock_id,
        remedy="Wait until they are done. If that run is certainly dead: "
        f"terraform -chdir=terraform/{stack.name} force-unlock {lock_id}",
    )


def _wrong_account(match: re.Match[str], _: str, stack: Stack) -> SlipwayError:
    wanted = stack.environment.account_id
    return RefusedError(
        f"the credentials belong to account {match[1]}, and environment {stack.environment.name} is account {wanted}",
        remedy=f"Set AWS_PROFILE to a profile of account {wanted}.",
    )


def _no_credentials(match: re.Match[str], _: str, stack: Stack) -> SlipwayError:
    return CredentialsError(
        f"there are no usable credentials for {stack.label} (account {stack.environment.account_id}): "
        f"{_joined(match[0])}",
        remedy="Log in again, or set AWS_PROFILE to a profile with valid credentials for this account.",
    )


def _denied(match: re.Match[str], _: str, stack: Stack) -> SlipwayError:
    """Return what terraform was denied, from AWS's message or, where that is short, from the operation."""
    where = stack.environment
    text = _joined(match[0])
    said = denial.read(text)
    operation = _OPERATION.search(text)
    role = roles.of_stack(stack.name)
    caller = where.role_arn(role) if role else "the operator"
    action = said.action or (denial.action_of(_service(operation["service"]), operation["name"]) if operation else None)
    resource = said.resource or _thing(text)
    said = replace(said, action=action, resource=resource, principal=said.principal or caller)
    what = f"{action} on {resource}" if action else "a request"
    why = f": {said.why}" if said.why else ""
    return AccessDeniedError(
        f"AWS denied terraform {what} in {stack.label} (account {where.account_id}) to {said.principal}{why}\n{text}",
        remedy=denial.remedy(said, caller=caller, prefix=where.prefix, resource=resource),
    )


# `operation error S3: PutBucketPolicy, https response error StatusCode: 403`: in the words of the provider's SDK
_OPERATION = re.compile(r"operation error (?P<service>[A-Za-z0-9 ]+): (?P<name>[A-Za-z0-9]+)")
_SERVICES = {
    "applicationautoscaling": "application-autoscaling",
    "cloudwatchlogs": "logs",
    "sagemakerruntime": "sagemaker",
}


def _service(name: str) -> str:
    """Return a service's prefix in policies from the SDK's name of it."""
    plain = name.replace(" ", "").lower()
    return _SERVICES.get(plain, plain)


def _thing(text: str) -> str:
    """Return what terraform says that it was at work on: `creating S3 Bucket (name) Policy: …`."""
    match = re.search(r"Error: ([^:]{3,120})", text)
    return f"what it was at work on ({match[1]})" if match else "what it was at work on"


def _stale(_: re.Match[str], __: str, stack: Stack) -> SlipwayError:
    return StalePlanError(
        f"the saved plan of {stack.label} is stale: its state was changed since the plan was made",
        remedy=f"Plan again and review it: {stack.make('plan')}",
    )


def _rolled_back(match: re.Match[str], _: str, __: Stack) -> SlipwayError:
    return RolledBackError(_joined(match[0]))


def _exists(_: re.Match[str], text: str, stack: Stack) -> SlipwayError:
    return AlreadyExistsError(
        f"{stack.label}: something exists that terraform wanted to create:\n{errors_in(text)}",
        remedy=f"Plan again, and what is provably ours is taken into the state first: {stack.make('plan')}",
    )


def _no_network(match: re.Match[str], _: str, stack: Stack) -> SlipwayError:
    return SlipwayError(
        f"terraform could not reach AWS for {stack.label}: {_joined(match[0])[:400]}",
        remedy="Check the network, the proxy, and AWS_ENDPOINT_URL if it is set; then run it again.",
    )


def _no_bucket(match: re.Match[str], _: str, stack: Stack) -> SlipwayError:
    name = stack.environment.name
    return SlipwayError(
        f"the state bucket of {name} does not exist (account {stack.environment.account_id}): "
        f"{_joined(match[0])[:300]}",
        remedy=f"Bootstrap the account first: make plan apply ENV={name} STACK=bootstrap",
    )


_DENIED = re.compile(
    r"[^\n]{0,300}(?:AccessDenied\w*|AuthorizationError\w*|UnauthorizedOperation"
    r"|is\s+not\s+authorized\s+to\s+perform|StatusCode: 403)[\s\S]{0,900}?(?=\n\n|\Z)"
)
_END = r"(?=\n\n|\nError: |\Z)"
_RULES = (
    _Rule(re.compile(r"Error acquiring the state lock"), _locked),
    _Rule(re.compile(r"Saved plan is stale|saved plan does not match the given state"), _stale),
    _Rule(re.compile(r"endpoint \S+\s+was\s+rolled\s+back:[\s\S]{0,900}?" + _END), _rolled_back),
    _Rule(re.compile(r"unexpected state 'RollingBack'[\s\S]{0,400}?" + _END), _rolled_back),
    _Rule(re.compile(r"AWS\s+account\s+ID\s+not\s+allowed:\s+(\d{12})"), _wrong_account),
    _Rule(
        re.compile(
            r"No valid credential sources found|no EC2 IMDS role found|ExpiredToken\w*|InvalidClientTokenId"
            r"|InvalidAccessKeyId|SignatureDoesNotMatch"
            r"|failed to refresh cached credentials[^\n]*|failed to get shared config profile[^\n]*"
            r"|UnrecognizedClientException|error in credential_process[^\n]*"
        ),
        _no_credentials,
    ),
    _Rule(re.compile(r"NoSuchBucket|S3 bucket \"[^\"]+\" does not exist"), _no_bucket),
    _Rule(_DENIED, _denied),
    _Rule(
        re.compile(
            r"[^\n]{0,200}(?:AlreadyExists\w*|Cannot create already existing|already exists"
            r"|BucketAlreadyOwnedByYou|ResourceConflictException|EntityAlreadyExists|RepositoryAlreadyExists)"
            r"[^\n]{0,200}"
        ),
        _exists,
    ),
    _Rule(re.compile(r"[^\n]{0,120}(?:connection refused|no such host|i/o timeout|dial tcp)[^\n]{0,200}"), _no_network),
)
