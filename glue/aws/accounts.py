"""The one place that makes sessions: whose credentials, which account, which role.

Rules: the profile is AWS_PROFILE if set, else a profile with the environment's name, else the default chain (CI). The
account behind it must be the environment's before anything else happens. Work is then done in the environment's role
for it: the glue's in `<project>-<env>-promote`, Terraform's in `…-deploy-foundation` or `…-deploy-serving`, bootstrap
with the credentials as they are. Credentials that are of the needed role already are used as they are, and the roles
never assume one another (docs/decisions/0008).
"""

# ruff: noqa: PLC0415 - boto3 and its parts cost 0.4 s to import: only commands that talk to AWS pay for them
from __future__ import annotations

import getpass
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue.aws import copier
from glue.aws.clients import CallCounter, botocore_session, client_config, has_identity_token, role_fetcher, sts
from glue.aws.errors import Where, translated
from glue.aws.session import Session
from glue.core import roles
from glue.core.environment import Environment
from glue.errors import AccessDeniedError, RefusedError

if TYPE_CHECKING:
    import botocore.session

THREADS = copier.THREADS  # connections: a thread without one would wait

Keep = Callable[[Environment, str, Mapping[str, str]], None]


@dataclass(frozen=True)
class _Caller:
    """Whose credentials they are: botocore's session, the profile, the ARN behind it."""

    base: botocore.session.Session
    profile: str | None
    arn: str
    calls: CallCounter


class Accounts:
    """Makes one session for each environment and role, and keeps it.

    `keep` is given a role's credentials whenever they were assumed: botocore's metadata of refreshing credentials.
    """

    def __init__(
        self, *, environ: Mapping[str, str] | None = None, threads: int = THREADS, keep: Keep | None = None
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._threads = threads
        self._keep = keep
        self._callers: dict[str, _Caller] = {}
        self._sessions: dict[tuple[str, str | None], Session] = {}
        self._lock = threading.RLock()

    def session(self, environment: Environment, role: str = roles.PROMOTE) -> Session:
        """Return the session of an environment in one of its roles, after its account was verified.

        Raises RefusedError for another account's or another role's credentials, CredentialsError for missing or expired
        ones, AccessDeniedError when the role cannot be assumed, AwsError when AWS cannot be reached.
        """
        with self._lock:
            caller = self._caller(environment)
            own = roles.of_caller(caller.arn, environment)
            if own == role:
                return self.operator(environment)
            if own is not None and not has_identity_token(caller.base):
                raise RefusedError(
                    f"these credentials are of {caller.arn}, and this is the work of {environment.role_arn(role)}",
                    remedy="The roles do not assume one another. Use credentials that may assume it, or a step of the "
                    f"pipeline with the role {role}.",
                )
            known = (environment.name, role)
            if known not in self._sessions:
                self._sessions[known] = self._assume(caller, environment, role)
            return self._sessions[known]

    def operator(self, environment: Environment) -> Session:
        """Return a session with the credentials as they are, after their account was verified. Errors as above."""
        with self._lock:
            known = (environment.name, None)
            if known not in self._sessions:
                caller = self._caller(environment)
                self._sessions[known] = self._session(caller.base, environment, caller.arn, caller.calls)
            return self._sessions[known]

    def terraform(self, environment: Environment, stack: str, *, changes: bool) -> Session:
        """Return the session that Terraform works in on a root; `changes` is False for a plan that nobody will apply.

        Credentials of the plan role read every root. Raises RefusedError when they are to change something, and for a
        bootstrap with any other of the roles that it makes. Errors as above.
        """
        caller = self._caller(environment)
        own = roles.of_caller(caller.arn, environment)
        wanted = roles.of_stack(stack)
        if own == roles.PLAN and not changes:
            return self.operator(environment)
        if wanted is not None:
            return self.session(environment, wanted)
        if own is not None:
            raise RefusedError(
                f"these credentials are of {caller.arn}, and bootstrap makes that role",
                remedy=f"Use an administrator's credentials of account {environment.account_id} for STACK=bootstrap.",
            )
        return self.operator(environment)

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
        counters = [(name, caller.calls) for name, caller in self._callers.items()]
        counters += [(name, session.calls) for (name, role), session in self._sessions.items() if role is not None]
        found: dict[str, Counter[str]] = {}
        for name, calls in counters:
            found.setdefault(name, Counter()).update(calls.by_operation())
        return {name: dict(sorted(calls.items())) for name, calls in found.items()}

    def close(self) -> None:
        """Close the connections of all sessions."""
        for session in self._sessions.values():
            session.close()

    def __enter__(self) -> Accounts:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _caller(self, environment: Environment) -> _Caller:
        """Return whose credentials they are, asked once. Raises RefusedError when they are of another account."""
        with self._lock:
            if environment.name not in self._callers:
                self._callers[environment.name] = self._ask(environment)
            return self._callers[environment.name]

    def _ask(self, environment: Environment) -> _Caller:
        profile = self.profile(environment)
        calls = CallCounter()
        using = f"profile {profile}" if profile else "the default credentials"
        with translated(_unknown(environment), using):
            base = botocore_session(profile, environment, calls)
            with sts(base, environment) as client:
                identity = client.get_caller_identity()
        if identity["Account"] != environment.account_id:
            raise RefusedError(
                f"{using} belong{'s' if profile else ''} to account {identity['Account']}, "
                f"but environment {environment.name} is account {environment.account_id}",
                remedy=f"Set AWS_PROFILE to a profile of account {environment.account_id}, or name a profile "
                f"{environment.name!r} in your AWS configuration.",
            )
        return _Caller(base, profile, str(identity["Arn"]), calls)

    def _assume(self, caller: _Caller, environment: Environment, role: str) -> Session:
        from botocore.credentials import RefreshableCredentials

        arn = environment.role_arn(role)
        where = Where(environment.account_id, environment.region, caller.arn, "sts", environment.prefix)
        fetch = role_fetcher(caller.base, environment, role_arn=arn, session_name=self._session_name(), where=where)

        def fetch_and_keep() -> dict[str, str]:
            found = fetch()
            if self._keep is not None:
                self._keep(environment, role, found)
            return found

        try:
            first = fetch_and_keep()
        except AccessDeniedError as error:
            raise AccessDeniedError(
                f"{caller.arn} may not assume {arn} (account {environment.account_id}): {error.message}",
                remedy="Has terraform/bootstrap been applied in this account? If so, its role trusts the principals in "
                f"environments/{environment.name}/environment.tfvars (operators), who also need sts:AssumeRole on it.",
            ) from error
        credentials = RefreshableCredentials.create_from_metadata(
            metadata=first, refresh_using=fetch_and_keep, method="slipway-assume-role"
        )
        calls = CallCounter()
        session = botocore_session(caller.profile, environment, calls, credentials=credentials)
        return self._session(session, environment, arn, calls, assumed=role, principal=caller.arn)

    def _session(
        self,
        session: botocore.session.Session,
        environment: Environment,
        caller: str,
        calls: CallCounter,
        *,
        assumed: str | None = None,
        principal: str | None = None,
    ) -> Session:
        import boto3

        return Session(
            boto3.Session(botocore_session=session),
            environment=environment,
            caller=caller,
            assumed=assumed,
            principal=principal,
            config=client_config(threads=self._threads),
            calls=calls,
        )

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
