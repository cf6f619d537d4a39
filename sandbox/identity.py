"""Who calls: access keys and temporary credentials, and the proof that the caller holds their secret.

moto takes a key that it does not know for account 123456789012, credentials that expired for good, and any signature at
all. AWS answers InvalidClientTokenId and ExpiredToken (https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html),
S3 with names of its own (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from moto.iam.models import iam_backends
from moto.sts.models import STSBackend

from sandbox import credential, sessions, signatures
from sandbox.errors import AwsError, Protocol
from sandbox.sessions import Session

if TYPE_CHECKING:
    from sandbox.calls import Call

_PARTITION = "aws"


@dataclass(frozen=True)
class Principal:
    """Who signed a request. `role_arn` is the role behind a session, None for users and those whom they federate.

    `unique_id` is aws:userid: AIDA... of a user, AROA...:name of a role's session, account:name of a federated user.
    `session` holds session policies, tags, source identity and age; None for a user's own key.
    """

    account_id: str
    arn: str
    access_key_id: str
    role_arn: str | None = None
    kind: Literal["user", "session", "federated"] = "user"
    unique_id: str = ""
    user_name: str | None = None
    session: Session | None = None


def remember_sessions() -> None:
    """Make sessions that moto's own code opens ours, so that one look-up finds them all. Safe to repeat."""

    def assume_role(self: Any, *, role_arn: str, role_session_name: str, duration: int, **_: Any) -> Session:
        del self
        return open_role_session(role_arn, session_name=role_session_name, duration_s=duration)

    STSBackend.assume_role = assume_role


def forget_sessions() -> None:
    """Forget every session: the accounts behind them are gone."""
    sessions.forget()


def find_role(role_arn: str) -> Any | None:
    """Return moto's role of this ARN, or None. The path is part of a role's ARN."""
    parts = role_arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
        return None
    for role in list(iam_backends[parts[4]][_PARTITION].roles.values()):
        if role.arn == role_arn:
            return role
    return None


def open_role_session(role_arn: str, *, session_name: str, duration_s: int, **more: Any) -> Session:
    """Return a new session of a role; `more` are further fields of Session. Checks only that the role exists.

    The path of a role is not part of its sessions' ARNs
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
    """
    role = find_role(role_arn)
    if role is None:
        raise AwsError("AccessDenied", f"The role {role_arn} does not exist.", 403)
    account_id = role_arn.split(":")[4]
    return sessions.open_session(
        kind="role",
        account_id=account_id,
        arn=f"arn:aws:sts::{account_id}:assumed-role/{role.name}/{session_name}",
        user_id=f"{role.id}:{session_name}",
        role_arn=role_arn,
        role_id=role.id,
        duration_s=duration_s,
        now=signatures.now(),
        **more,
    )


def role_credentials(role_arn: str, *, session_name: str, duration_s: int = 3600) -> Session:
    """Return temporary credentials as a service gets them for the role that it was given (an instance, a function).

    Raises AwsError (AccessDenied) when there is no such role.
    """
    return open_role_session(role_arn, session_name=session_name, duration_s=duration_s)


def account_of_key(access_key_id: str) -> str | None:
    """Return the account that an access key belongs to, active or not; None when nobody knows it."""
    session = sessions.find(access_key_id)
    if session is not None:
        return session.account_id
    for account_id, partitions in list(iam_backends.items()):
        if access_key_id in partitions[_PARTITION].access_keys:
            return str(account_id)
    return None


def authenticate(call: Call) -> Principal | None:
    """Return who signed the request, None when nobody did.

    Raises AwsError as the service would: the key is unknown, switched off or over, its token missing or wrong, or the
    signature is not one of its secret over this request at this time.
    """
    if not call.access_key_id:
        if call.headers.get("authorization") or credential.is_presigned(call):
            credential.read(call)  # says what is wrong with it
        return None
    principal, secret = _owner(call)
    signatures.verify(call, secret)
    return principal


def _owner(call: Call) -> tuple[Principal, str]:
    key_id, token = call.access_key_id, call.session_token
    session = sessions.find(key_id)
    if session is not None:
        if token != session.session_token:
            raise _invalid_token(call.protocol)
        if session.expiration <= signatures.now(call):
            raise _expired_token(call.protocol)
        return _of_session(session, call.protocol), session.secret_access_key
    for account_id, partitions in list(iam_backends.items()):
        iam = partitions[_PARTITION]
        key = iam.access_keys.get(key_id)
        if key is None or key.user_name is None or key.user_name not in iam.users:
            continue
        if key.status != "Active" or token:
            break
        user = iam.users[key.user_name]
        found = Principal(account_id, user.arn, key_id, unique_id=user.id, user_name=user.name)
        return found, str(key.secret_access_key)
    raise _unknown_key(call.protocol, key_id)


def _of_session(session: Session, protocol: Protocol) -> Principal:
    """A session ends with its role or user, also when one of the same name comes after it: its unique id is another
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
    """
    iam = iam_backends[session.account_id][_PARTITION]
    if session.kind == "role":
        if session.role_id not in iam.roles:
            raise _unknown_key(protocol, session.access_key_id)
        return Principal(
            session.account_id,
            session.arn,
            session.access_key_id,
            role_arn=session.role_arn,
            kind="session",
            unique_id=session.user_id,
            session=session,
        )
    user = iam.users.get(session.user_name or "")
    if user is None:
        raise _unknown_key(protocol, session.access_key_id)
    return Principal(
        session.account_id,
        session.arn,
        session.access_key_id,
        kind=session.kind,
        unique_id=session.user_id,
        user_name=session.user_name,
        session=session,
    )


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
