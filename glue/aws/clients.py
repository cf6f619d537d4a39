"""How clients are made: patience, retries, whose credentials, and a count of their calls."""

# ruff: noqa: PLC0415 - boto3 and its parts cost 0.4 s to import: only commands that talk to AWS pay for them
from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glue.aws.errors import Where, translated
from glue.core.environment import Environment
from glue.errors import AwsError, CredentialsError, UsageError

if TYPE_CHECKING:
    import botocore.session
    from botocore.config import Config

# Refreshed long before it ends; one hour is the most for a role assumed from a role
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining).
_ROLE_SECONDS = 3600
# Seconds to connect and to wait for an answer: for the first call, so that a dead network is one error within seconds,
# and for all others.
IMPATIENT = (3, 5)
PATIENT = (5, 60)


class CallCounter:
    """Counts the API calls of every client of a session, by `<service>:<Operation>`. Retries are not counted twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()

    def count(self, **event: Any) -> None:
        """Take botocore's `before-call` event."""
        model = event["model"]
        with self._lock:
            self._calls[f"{model.service_model.service_name}:{model.name}"] += 1

    def by_operation(self) -> dict[str, int]:
        """Return the calls so far, by service and operation."""
        with self._lock:
            return dict(sorted(self._calls.items()))

    @property
    def total(self) -> int:
        """All calls so far."""
        with self._lock:
            return self._calls.total()


def client_config(*, threads: int, patient: bool = True) -> Config:
    """Return the settings of every client: patience, retries, a connection for each of `threads`."""
    from botocore.config import Config

    connect_s, answer_s = PATIENT if patient else IMPATIENT
    return Config(  # type: ignore[call-arg]  # the stubs lack user_agent_appid
        connect_timeout=connect_s,
        read_timeout=answer_s,
        # botocore's default of 10 silently caps how many threads work at once
        max_pool_connections=max(threads, 10),
        retries={"mode": "standard", "total_max_attempts": 6 if patient else 2},
        user_agent_appid="slipway",
    )


@contextmanager
def usable_endpoint() -> Iterator[None]:
    """Raise UsageError instead: botocore says by a bare ValueError that an endpoint of the environment is no URL."""
    try:
        yield
    except ValueError as error:
        raise UsageError(
            f"no client can be made: {error}", remedy="Look at AWS_ENDPOINT_URL and the region."
        ) from error


@contextmanager
def sts(base: botocore.session.Session, environment: Environment) -> Iterator[Any]:
    """Give an impatient STS client for the length of the block."""
    config = client_config(threads=1, patient=False)
    with usable_endpoint():  # the profile's own role is assumed by a client too, with the first call
        client = base.create_client("sts", region_name=environment.region, config=config)
        try:
            yield client
        finally:
            client.close()


def botocore_session(
    profile: str | None,
    environment: Environment,
    calls: CallCounter,
    *,
    credentials: Any = None,
) -> botocore.session.Session:
    """Return a session of a profile's settings whose clients are counted; with `credentials`, as somebody else."""
    import botocore.session

    session = botocore.session.Session(profile=profile)
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    session.set_config_variable("region", environment.region)
    # Clients that botocore makes itself (assuming a profile's role) take these settings too.
    session.set_default_client_config(client_config(threads=1, patient=False))
    session.register("before-call", calls.count, unique_id="slipway-call-counter")
    if credentials is not None:
        from botocore.credentials import CredentialResolver

        fixed: Any = _Fixed(credentials)
        session.register_component("credential_provider", CredentialResolver([fixed]))
    return session


@cache
def _loader(data_path: str | None) -> Any:
    """Return one loader for all sessions: each would read and search the same files of botocore's again."""
    from botocore.loaders import create_loader

    return create_loader(data_path)


class _Fixed:
    """A credential provider that has its credentials already."""

    METHOD = "slipway-assume-role"
    CANONICAL_NAME = None

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load(self) -> Any:
        """Return the credentials."""
        return self._credentials


def role_fetcher(
    base: botocore.session.Session, environment: Environment, *, role_arn: str, session_name: str, where: Where
) -> Callable[[], dict[str, str]]:
    """Return what assumes a role of the environment, as botocore's refreshing credentials want it.

    With a pipeline's identity token the role is assumed by that token and not by the role that the pipeline holds:
    each role's trust then says by itself who may have it.
    """
    token = _token_file(base)

    def fetch() -> dict[str, str]:
        with translated(where, role_arn), sts(base, environment) as client:
            request: dict[str, Any] = {
                "RoleArn": role_arn,
                "RoleSessionName": session_name,
                "DurationSeconds": _ROLE_SECONDS,
            }
            if token is None:
                answer = client.assume_role(**request)
            else:
                answer = client.assume_role_with_web_identity(**request, WebIdentityToken=_read(token))
        credentials = answer["Credentials"]
        if not credentials.get("SecretAccessKey"):
            raise AwsError(f"STS gave no credentials for {role_arn} ({where})")
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }

    return fetch


def has_identity_token(base: botocore.session.Session) -> bool:
    """Tell whether a session's credentials come from a pipeline's identity token."""
    return _token_file(base) is not None


def _token_file(base: botocore.session.Session) -> Path | None:
    """Return the file of the identity token that a session's credentials come from, None when they do not.

    https://docs.aws.amazon.com/sdkref/latest/guide/access-assume-role-web.html
    """
    found = base.get_credentials()
    if found is None or found.method != "assume-role-with-web-identity":
        return None
    named = base.get_scoped_config().get("web_identity_token_file") or os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    return Path(named) if named else None


def _read(token: Path) -> str:
    """Return the token as it is now: pipelines renew it in place."""
    try:
        return token.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CredentialsError(
            f"the identity token {token} cannot be read: {error.strerror}",
            remedy="AWS_WEB_IDENTITY_TOKEN_FILE names it; the pipeline writes it.",
        ) from error
