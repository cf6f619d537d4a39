"""The one place that makes sessions: whose credentials, which account, which role, how long to wait.

Rules: the profile is AWS_PROFILE if set, else a profile with the environment's name, else the default chain (CI). The
account behind it must be the environment's before anything else happens. All work is done in the role
`<project>-<env>-promote`.
"""

# ruff: noqa: PLC0415 - boto3 and its parts cost 0.4 s to import: only commands that talk to AWS pay for them
from __future__ import annotations

import getpass
import os
import re
import threading
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from glue.aws import copier
from glue.aws.clients import CallCounter, botocore_session, client_config, role_fetcher, sts, usable_endpoint
from glue.aws.ecr import Registry
from glue.aws.errors import Where, translated
from glue.aws.runtime import Runtime
from glue.aws.s3 import Bucket
from glue.aws.sagemaker import SageMaker
from glue.aws.ssm import Parameters
from glue.core import names
from glue.core.environment import Environment, Neighbour
from glue.errors import AccessDeniedError, RefusedError

if TYPE_CHECKING:
    import boto3
    import botocore.session
    from botocore.config import Config


THREADS = copier.THREADS  # connections: a thread without one would wait


class Session:
    """Clients of one environment, in its promote role. Facades are made once, when they are first asked for."""

    def __init__(
        self, session: boto3.Session, *, environment: Environment, caller: str, config: Config, calls: CallCounter
    ) -> None:
        self.environment = environment
        self.caller = caller
        self.calls = calls
        self._session = session
        self._config = config
        # Making a client is not thread-safe, using one is
        # (https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients).
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str, str], Bucket] = {}
        self._clients: list[Any] = []

    def __repr__(self) -> str:
        return f"Session({self.environment.name}, {self.caller})"

    def where(self, service: str, region: str | None = None) -> Where:
        """Return what errors of a service's calls say."""
        return Where(self.environment.account_id, region or self.environment.region, self.caller, service)

    def client(self, service: str, *, region: str | None = None, config: Config | None = None) -> Any:
        """Return a new client. Everything outside this package uses the facades below."""
        with self._lock, translated(self.where(service, region), f"a client for {service}"):
            merged = self._config.merge(config) if config else self._config
            make: Any = self._session.client
            with usable_endpoint():
                client = make(service, region_name=region or self.environment.region, config=merged)
            self._clients.append(client)
            return client

    def close(self) -> None:
        """Close the connections of all clients."""
        for client in self._clients:
            client.close()

    def bucket(self, name: str, *, owner: str, region: str | None = None, key_arn: str | None = None) -> Bucket:
        """Return a bucket, which must belong to the account `owner`. `key_arn` encrypts what is written."""
        where = self.where("s3", region)
        known = (name, where.region, key_arn or "")
        if known not in self._buckets:
            client = self.client("s3", region=where.region)
            self._buckets[known] = Bucket(client, name=name, owner=owner, where=where, key_arn=key_arn)
        return self._buckets[known]

    def artifacts(self, of: Environment | Neighbour | None = None) -> Bucket:
        """Return this environment's artifact bucket, or another's as this environment's role sees it.

        One's own is written with the key that the foundation publishes; another's is only read.
        """
        own = self.environment
        if of is None or of.name == own.name:
            key = self.parameters.foundation(own).artifact_key_arn
            return self.bucket(own.artifact_bucket, owner=own.account_id, key_arn=key)
        name = names.artifact_bucket(own.project, of.name, of.account_id)
        return self.bucket(name, owner=of.account_id, region=of.region)

    @cached_property
    def parameters(self) -> Parameters:
        """SSM: what the foundation publishes."""
        return Parameters(self.client("ssm"), where=self.where("ssm"))

    @cached_property
    def registry(self) -> Registry:
        """ECR in this account."""
        return Registry(self.client("ecr"), where=self.where("ecr"))

    @cached_property
    def sagemaker(self) -> SageMaker:
        """SageMaker: endpoints, configs, models, model packages."""
        return SageMaker(self.client("sagemaker"), where=self.where("sagemaker"))

    @cached_property
    def runtime(self) -> Runtime:
        """SageMaker's runtime: invoking endpoints."""
        from botocore.config import Config

        # An endpoint answers within 60 s or not at all; asking again would hide a slow model.
        config = Config(read_timeout=70, retries={"mode": "standard", "total_max_attempts": 2})
        return Runtime(self.client("sagemaker-runtime", config=config), where=self.where("sagemaker"))


class Accounts:
    """Makes one session for each environment and keeps it."""

    def __init__(self, *, environ: Mapping[str, str] | None = None, threads: int = THREADS) -> None:
        self._environ = os.environ if environ is None else environ
        self._threads = threads
        self._sessions: dict[str, Session] = {}
        self._operators: dict[str, Session] = {}
        self._lock = threading.Lock()

    def session(self, environment: Environment) -> Session:
        """Return the session of an environment, in its promote role, after its account was verified.

        Raises RefusedError for another account's credentials, CredentialsError for missing or expired ones,
        AccessDeniedError when the role cannot be assumed, AwsError when AWS cannot be reached.
        """
        with self._lock:
            if environment.name not in self._sessions:
                self._sessions[environment.name] = self._open(environment)
            return self._sessions[environment.name]

    def operator(self, environment: Environment) -> Session:
        """Return a session with the credentials as they are, without a role, after their account was verified.

        For what Terraform's user needs before and besides the promote role. Errors as for `session`.
        """
        with self._lock:
            if environment.name not in self._operators:
                self._operators[environment.name] = self._open(environment, assume=False)
            return self._operators[environment.name]

    def profile(self, environment: Environment) -> str | None:
        """Return the AWS profile for an environment: AWS_PROFILE, one with its name, or None (default chain)."""
        if chosen := self._environ.get("AWS_PROFILE"):
            return chosen
        import botocore.session

        with translated(_unknown(environment), "the AWS configuration"):
            profiles = botocore.session.Session().available_profiles
        return environment.name if environment.name in profiles else None

    @property
    def api_calls(self) -> dict[str, dict[str, int]]:
        """API calls so far, by environment, service and operation."""
        found: dict[str, Counter[str]] = {}
        for name, session in [*self._sessions.items(), *self._operators.items()]:
            found.setdefault(name, Counter()).update(session.calls.by_operation())
        return {name: dict(sorted(calls.items())) for name, calls in found.items()}

    def close(self) -> None:
        """Close the connections of all sessions."""
        for session in [*self._sessions.values(), *self._operators.values()]:
            session.close()

    def __enter__(self) -> Accounts:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, environment: Environment, *, assume: bool = True) -> Session:
        profile = self.profile(environment)
        calls = CallCounter()
        with translated(_unknown(environment), f"profile {profile}" if profile else "the default credentials"):
            base = botocore_session(profile, environment, calls)
            caller = self._verify(base, environment, profile)
        assume = assume and not _is_role(caller, environment)
        session = self._assume(base, environment, caller, calls, profile) if assume else base
        role = caller if session is base else environment.promote_role_arn
        import boto3

        return Session(
            boto3.Session(botocore_session=session),
            environment=environment,
            caller=role,
            config=client_config(threads=self._threads),
            calls=calls,
        )

    def _verify(self, base: botocore.session.Session, environment: Environment, profile: str | None) -> str:
        with sts(base, environment) as client:
            identity = client.get_caller_identity()
        if identity["Account"] != environment.account_id:
            using = f"profile {profile}" if profile else "the default credentials"
            raise RefusedError(
                f"{using} belong{'s' if profile else ''} to account {identity['Account']}, "
                f"but environment {environment.name} is account {environment.account_id}",
                remedy=f"Set AWS_PROFILE to a profile of account {environment.account_id}, or name a profile "
                f"{environment.name!r} in your AWS configuration.",
            )
        return str(identity["Arn"])

    def _assume(
        self,
        base: botocore.session.Session,
        environment: Environment,
        caller: str,
        calls: CallCounter,
        profile: str | None,
    ) -> botocore.session.Session:
        from botocore.credentials import RefreshableCredentials

        role = environment.promote_role_arn
        where = Where(environment.account_id, environment.region, caller, "sts")
        fetch = role_fetcher(base, environment, self._session_name(), where)
        try:
            first = fetch()
        except AccessDeniedError as error:
            raise AccessDeniedError(
                f"{caller} may not assume {role} (account {environment.account_id}): {error.message}",
                remedy="Has terraform/bootstrap been applied in this account? If so, its role trusts the principals in "
                f"environments/{environment.name}/environment.tfvars (operators), who also need sts:AssumeRole on it.",
            ) from error
        credentials = RefreshableCredentials.create_from_metadata(
            metadata=first, refresh_using=fetch, method="slipway-assume-role"
        )
        return botocore_session(profile, environment, calls, credentials=credentials)

    def _session_name(self) -> str:
        """Return a name that shows in CloudTrail who it was: letters, digits and `=,.@-`, at most 64."""
        user = self._environ.get("GITHUB_ACTOR") or self._environ.get("USER") or _login()
        return f"slipway-{re.sub(r'[^A-Za-z0-9=,.@-]', '-', user)}"[:64]


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in /etc/passwd
        return "unknown"


def _unknown(environment: Environment) -> Where:
    return Where(environment.account_id, environment.region, "unknown", "sts")


def _is_role(caller: str, environment: Environment) -> bool:
    """Tell whether an ARN (`arn:aws:sts::<account>:assumed-role/<role>/<session>`) is of the promote role."""
    role = environment.promote_role_arn.rpartition("/")[2]
    return f":assumed-role/{role}/" in caller
