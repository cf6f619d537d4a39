"""Passes the gates in an emergency: by named people, with a reason that is written before anything else happens."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from glue.console import Console
from glue.core import roles
from glue.core.environment import Environment
from glue.core.gates import Refusal
from glue.errors import AccessDeniedError, AwsError, RefusedError, SlipwayError, UsageError

if TYPE_CHECKING:
    from glue.auditing import Trail
    from glue.aws.accounts import Accounts
    from glue.aws.session import Session

PREFIX = "break-glass/"
_LONGEST = 1000


@dataclass(frozen=True)
class Emergency:
    """What passes the gates: which command, at which endpoint, to which revision, with which releases.

    `endpoint` is `_foundation` and the like for another stack's plan, which makes no revision live.
    """

    command: str
    endpoint: str
    revision: str | None
    releases: tuple[str, ...]


def check_reason(reason: str) -> str:
    """Return a reason on one line. Raises UsageError when it says nothing, or more than 1,000 characters."""
    plain = " ".join("".join(" " if unicodedata.category(c)[0] == "C" else c for c in reason).split())
    if not any(c.isalnum() for c in plain) or len(plain) > _LONGEST:
        raise UsageError(
            f"--break-glass needs a reason of 1 to {_LONGEST} characters",
            remedy="It is recorded and sent to everybody who is told of alarms: say what is broken.",
        )
    return plain


def session_of(accounts: Accounts, environment: Environment) -> Session:
    """Return a session in the break-glass role. Raises RefusedError for who may not assume it."""
    if not environment.break_glass:
        raise RefusedError(
            f"nobody may pass the gates of {environment.name}",
            remedy="An administrator names who may, as break_glass in "
            f"environments/{environment.name}/environment.tfvars, and applies bootstrap.",
        )
    try:
        return accounts.session(environment, roles.BREAK_GLASS)
    except AccessDeniedError as error:
        raise RefusedError(
            f"the gates of {environment.name} are not passed: {error.message}",
            remedy=f"Ask one of {', '.join(environment.break_glass)}; bootstrap must have been applied with them.",
        ) from error


def record(
    session: Session, emergency: Emergency, reason: str, refusals: Sequence[Refusal], *, trail: Trail, console: Console
) -> str:
    """Write who passes which gates and why, tell people, and return the record's key.

    Raises AwsError when it cannot be written: then no gate is passed. That people or the audit trail could not be told
    stops no emergency; it is said, and the command ends with exit code 1.
    """
    now = datetime.now(UTC)
    key = f"{PREFIX}{emergency.endpoint}/{now:%Y%m%dT%H%M%S%fZ}.json"
    document = {
        "kind": "slipway-break-glass",
        "schema": 1,
        "environment": session.environment.name,
        "account": session.environment.account_id,
        "at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "by": session.principal,
        "role": session.caller,
        "command": emergency.command,
        "endpoint": emergency.endpoint,
        "revision": emergency.revision,
        "releases": list(emergency.releases),
        "reason": reason,
        "gates": [one.as_json() for one in refusals],
    }
    data = f"{json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)}\n".encode()
    if not session.artifacts().put_once(key, data, content_type="application/json"):
        raise SlipwayError(f"{key} is there already", remedy="Run the command again.")
    gates = ", ".join(sorted({one.gate for one in refusals}))
    console.warn(f"BREAK GLASS by {session.principal}: {gates} passed at {emergency.endpoint}. Reason: {reason}")
    trail.note(
        action="break-glass",
        endpoint=emergency.endpoint,
        to=emergency.revision,
        why=reason,
        details={"record": key, "gates": gates, "releases": " ".join(emergency.releases)},
    )
    _tell(session, emergency, text=data.decode(), gates=gates, trail=trail, console=console)
    return key


def _tell(session: Session, emergency: Emergency, *, text: str, gates: str, trail: Trail, console: Console) -> None:
    environment = session.environment
    topic = session.parameters.foundation(environment).notification_topic_arn
    if topic is None:
        console.warn(f"{environment.name} has no topic: nobody was told")
        return
    subject = f"BREAK GLASS in {environment.name}: {gates} passed at {emergency.endpoint}"
    try:
        session.topics.publish(topic, subject=subject, text=text)
    except AwsError as error:
        trail.unrecorded.append(f"people were not told: {error.message}")
        console.warn(f"people were not told: {error.message}")
