"""The program behind the generated AWS profiles: prints a role's credentials as `credential_process` wants them.

    python credential_process.py <work>/aws/roles/<role>.json

It is started by Terraform's provider and S3 backend, and by any other AWS tool that uses such a profile. While the kept
credentials last it imports next to nothing; it renews them before they end, one process at a time, with the settings
that the caller had (https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html).
"""

# ruff: noqa: PLC0415 - a plan starts this several times: only a renewal pays for boto3
from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from typing import Any

# A plan that begins now must come to its end; what takes longer asks again.
RENEW_BEFORE_S = 15 * 60
STILL_GOOD_S = 60
# The caller's own keys travel under these names, because with a profile chosen no SDK may see them.
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
CALLER = "SLIPWAY_CALLER_"
# Terraform's S3 backend takes a token in the environment before a profile. The request holds these, none is secret.
TOKEN = ("AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE")


def main(arguments: list[str]) -> int:
    """Print the credentials and return 0, or say on stderr why there are none and return 1."""
    path = arguments[0]
    request = Path(path).read_text(encoding="utf-8")
    restore(json.loads(request)["variables"])
    found = kept(path, request)
    if found is None or left_s(found) < RENEW_BEFORE_S:
        found = _renewed(path, request)
    if found is None:
        return 1
    sys.stdout.write(json.dumps({"Version": 1, **{name: found[name] for name in _ANSWER}}))
    return 0


_ANSWER = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")


def restore(variables: Mapping[str, str | None]) -> None:
    """Put the caller's own settings back into this process's environment."""
    for name, value in {**variables, **{name: os.environ.pop(CALLER + name, None) for name in KEYS}}.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def credentials_file(request_file: str) -> Path:
    """Return where the credentials of a request are kept."""
    return Path(request_file).with_suffix(".credentials")


def kept(request_file: str, request: str) -> dict[str, str] | None:
    """Return the credentials that are kept for exactly this request and this caller's key, None when there are none."""
    try:
        found: dict[str, Any] = json.loads(credentials_file(request_file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    usable = isinstance(found, dict) and found.get("for") == _stamp(request) and all(name in found for name in _ANSWER)
    return found if usable else None


def keep(request_file: str, request: str, metadata: Mapping[str, str]) -> None:
    """Keep credentials, given as botocore's metadata, for this user only, by one rename."""
    found = {
        "for": _stamp(request),
        "AccessKeyId": metadata["access_key"],
        "SecretAccessKey": metadata["secret_key"],
        "SessionToken": metadata["token"],
        "Expiration": metadata["expiry_time"],
    }
    target = credentials_file(request_file)
    write_private(target, json.dumps(found))


def write_private(target: Path, text: str) -> None:
    """Replace a file by one rename; nobody else may read it."""
    draft = target.with_name(f".{target.name}.{os.getpid()}-{get_ident()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(target)


def left_s(found: Mapping[str, str]) -> float:
    """Return how many seconds credentials are good for; 0 when it cannot be told."""
    try:
        return (datetime.fromisoformat(found["Expiration"]) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


@contextmanager
def alone(request_file: str) -> Iterator[None]:
    """Wait until no other process renews the same role's credentials."""
    descriptor = os.open(Path(request_file).with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _stamp(request: str) -> list[str]:
    """Return whom credentials were given to: another caller must not get them. A profile comes before keys."""
    chosen = json.loads(request)["variables"].get("AWS_PROFILE")
    return [request, "" if chosen else os.environ.get("AWS_ACCESS_KEY_ID", "")]


def _renewed(path: str, request: str) -> dict[str, str] | None:
    """Return new credentials; the old ones while they last and there are no new ones; else None, said on stderr."""
    with alone(path):
        found = kept(path, request)
        if found is not None and left_s(found) >= RENEW_BEFORE_S:
            return found  # another process was faster
        problem = _renew(path, request)
    found = kept(path, request)
    if problem is None:
        return found
    sys.stderr.write(f"{problem}\n")
    return found if found is not None and left_s(found) >= STILL_GOOD_S else None


def _renew(path: str, request: str) -> str | None:
    """Assume the role and keep its credentials; return what went wrong, None for nothing."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from glue.aws.accounts import Accounts
    from glue.core.environment import Environment
    from glue.errors import SlipwayError

    wanted = json.loads(request)
    environment = Environment(**wanted["environment"])
    assumed: list[str] = []

    def take(_: object, role: str, metadata: Mapping[str, str]) -> None:
        keep(path, request, metadata)
        assumed.append(role)

    with Accounts(keep=take) as accounts:
        try:
            caller = accounts.session(environment, wanted["role"]).caller
        except SlipwayError as error:
            return str(error)
    return None if assumed else f"these are credentials of {caller} already: use them without this profile"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
