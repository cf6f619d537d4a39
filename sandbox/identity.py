"""Who calls: access keys and temporary credentials, checked as AWS does before anything else.

moto takes a key that it does not know for account 123456789012, and credentials that expired for good. AWS answers
InvalidClientTokenId and ExpiredToken (https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html), S3 with
names of its own (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import STSBackend, sts_backends

from sandbox.errors import AwsError, Protocol

_PARTITION = "aws"
_sessions: dict[str, Any] = {}  # access key id -> moto's AssumedRole


@dataclass(frozen=True)
class Principal:
    """Who signed a request. `role_arn` is the role behind a session, None for a user."""

    account_id: str
    arn: str
    access_key_id: str
    role_arn: str | None = None


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of a role."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime.datetime  # UTC, aware

    def environment(self) -> dict[str, str]:
        """Return the variables that every AWS SDK reads."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


def remember_sessions() -> None:
    """Make moto's STS tell us about every session that it makes, so that one look-up finds it. Safe to repeat."""
    original = STSBackend.assume_role
    if getattr(original, "remembers", False):
        return

    def assume_role(self: Any, **arguments: Any) -> Any:
        session = original(self, **arguments)
        _sessions[session.access_key_id] = session
        return session

    assume_role.remembers = True  # type: ignore[attr-defined]
    STSBackend.assume_role = assume_role


def forget_sessions() -> None:
    """Forget every session: the accounts behind them are gone."""
    _sessions.clear()


def find_role(role_arn: str) -> Any | None:
    """Return moto's role of this ARN, or None. The path is part of a role's ARN."""
    parts = role_arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
        return None
    for role in iam_backends[parts[4]][_PARTITION].get_roles():
        if role.arn == role_arn:
            return role
    return None


def role_credentials(role_arn: str, *, session_name: str, duration_s: int = 3600) -> Credentials:
    """Return temporary credentials as a service gets them for the role that it was given (an instance, a function).

    Raises AwsError (AccessDenied) when there is no such role.
    """
    if find_role(role_arn) is None:
        raise AwsError("AccessDenied", f"The role {role_arn} does not exist.", 403)
    session = sts_backends[role_arn.split(":")[4]][_PARTITION].assume_role(
        region_name="us-east-1",
        role_session_name=session_name,
        role_arn=role_arn,
        policy=None,
        duration=duration_s,
        external_id=None,
    )
    return Credentials(
        access_key_id=session.access_key_id,
        secret_access_key=session.secret_access_key,
        session_token=session.session_token,
        expiration=session.expiration.replace(tzinfo=datetime.UTC),
    )


def authenticate(*, access_key_id: str, session_token: str | None, protocol: Protocol) -> Principal:
    """Return who owns an access key. Raises AwsError as the service would when the key is of no use."""
    session = _sessions.get(access_key_id)
    if session is not None:
        if session_token != session.session_token:
            raise _invalid_token(protocol)
        if session.expiration <= datetime.datetime.now(datetime.UTC).replace(tzinfo=None):
            raise _expired_token(protocol)
        return Principal(session.account_id, session.arn, access_key_id, session.role_arn)
    for account_id, partitions in list(iam_backends.items()):
        key = partitions[_PARTITION].access_keys.get(access_key_id)
        if key is None or key.user_name is None:
            continue
        if key.status != "Active" or session_token:
            break
        return Principal(account_id, partitions[_PARTITION].get_user(key.user_name).arn, access_key_id)
    raise _unknown_key(protocol, access_key_id)


def _unknown_key(protocol: Protocol, access_key_id: str) -> AwsError:
    if protocol == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return AwsError("InvalidAccessKeyId", message, 403, fields={"AWSAccessKeyId": access_key_id})
    message = "The security token included in the request is invalid."
    if protocol in {"query", "ec2", "rest-xml"}:
        return AwsError("InvalidClientTokenId", message, 403)
    return AwsError("UnrecognizedClientException", message, 403 if protocol == "rest-json" else 400)


def _invalid_token(protocol: Protocol) -> AwsError:
    if protocol == "s3":
        return AwsError("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)
    return _unknown_key(protocol, "")


def _expired_token(protocol: Protocol) -> AwsError:
    if protocol == "s3":
        return AwsError("ExpiredToken", "The provided token has expired.", 400)
    message = "The security token included in the request is expired"
    if protocol in {"query", "ec2", "rest-xml"}:
        return AwsError("ExpiredToken", message, 403)
    return AwsError("ExpiredTokenException", message, 403 if protocol == "rest-json" else 400)
