"""Temporary credentials: every session that STS gave out, until it ends.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html
"""

from __future__ import annotations

import datetime
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_KEPT = datetime.timedelta(days=1)  # an ended session answers ExpiredToken for a while, then its key is unknown
_by_key: dict[str, Session] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Session:
    """Credentials and what was asked for with them. `kind` role: AssumeRole...; user: GetSessionToken; federated.

    `policy` and `policy_arns` are the session policies: None and empty when none was passed.
    `tags` are all session tags, inherited ones included; `transitive` names those that go on along a chain of roles.
    """

    kind: Literal["role", "user", "federated"]
    account_id: str
    arn: str
    user_id: str  # aws:userid, such as AROA...:name
    expiration: datetime.datetime  # UTC, aware
    issued_at: datetime.datetime
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    role_arn: str | None = None
    role_id: str | None = None
    user_name: str | None = None  # whose the session is, for user and federated
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: frozenset[str] = frozenset()
    source_identity: str = ""
    provider: str = ""  # ARN of the OpenID Connect provider that vouched, for web identities
    claims: Mapping[str, str] = field(default_factory=dict)  # condition keys of a web identity, such as <host>:sub

    def environment(self) -> dict[str, str]:
        """Return the variables that every AWS SDK reads."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


def open_session(*, duration_s: int, now: datetime.datetime, **facts: Any) -> Session:
    """Make credentials for the facts (fields of Session), remember and return them."""
    session = Session(
        access_key_id="ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
        secret_access_key=secrets.token_urlsafe(30),
        session_token="IQoJb3JpZ2lu" + secrets.token_urlsafe(300),
        issued_at=now.replace(microsecond=0),
        expiration=now.replace(microsecond=0) + datetime.timedelta(seconds=duration_s),
        **facts,
    )
    with _lock:
        if len(_by_key) % 256 == 255:
            for key in [key for key, old in _by_key.items() if old.expiration + _KEPT < now]:
                del _by_key[key]
        _by_key[session.access_key_id] = session
    return session


def find(access_key_id: str) -> Session | None:
    """Return the session of a key, also one that has ended."""
    return _by_key.get(access_key_id)


def replace(session: Session) -> None:
    """Put a changed record in the place of the one with its key."""
    with _lock:
        _by_key[session.access_key_id] = session


def forget() -> None:
    """Forget every session: the accounts behind them are gone."""
    with _lock:
        _by_key.clear()
