"""What a command works with, made when it is first needed: start-up must not pay for what is not used."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is used, for start-up's sake
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from glue.console import Console
from glue.errors import AccessDeniedError, RefusedError, SlipwayError
from glue.workspace import Stack, Workspace

if TYPE_CHECKING:
    from glue.auditing import Trail
    from glue.aws.accounts import Accounts
    from glue.aws.role_profiles import RoleProfiles
    from glue.aws.s3 import Bucket
    from glue.aws.session import Session
    from glue.bundles import Bundles
    from glue.core.bundle import Maker, Manifest
    from glue.core.environment import Environment
    from glue.core.truth import Truth
    from glue.deploying import Deployer
    from glue.drifting import Drifts
    from glue.foreseeing import Foreseen
    from glue.stacks import Stacks
    from glue.tf.commands import Identity
    from glue.tf.runner import Applied, Planned, Runner
    from glue.tf.tfvars import Estate
    from glue.verifying import Verified

STATE_LIMIT = 512 * 1024 * 1024  # bytes; the largest measured (200 endpoints in one state) has 14 MB


@dataclass
class App:
    """One call of the command: its common options, and everything that is shared by its steps."""

    style: str = "table"
    dry_run: bool = False
    yes: bool = False
    verbose: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    began: float = field(default_factory=time.monotonic)
    _trails: dict[tuple[str, str], Trail] = field(default_factory=dict)

    @cached_property
    def console(self) -> Console:
        """Where the story goes."""
        return Console(environ=self.environ, verbose=self.verbose)

    @cached_property
    def workspace(self) -> Workspace:
        """The folders of this checkout."""
        return Workspace.find(self.environ)

    @cached_property
    def estate(self) -> Estate:
        """The environments' data."""
        from glue.tf.tfvars import Estate

        return Estate(self.workspace.environments)

    @cached_property
    def accounts(self) -> Accounts:
        """Sessions, one for each environment."""
        from glue.aws.accounts import Accounts

        return Accounts(environ=self.environ, keep=self._keep)

    @cached_property
    def profiles(self) -> RoleProfiles:
        """AWS profiles for roles, which Terraform works with."""
        from glue.aws.role_profiles import RoleProfiles

        return RoleProfiles(self.workspace.work / "aws", environ=self.environ)

    @cached_property
    def runner(self) -> Runner:
        """Runs terraform."""
        from glue.tf.runner import Runner

        return Runner(
            self.workspace,
            console=self.console,
            environ=self.environ,
            who=self.identity,
            bundles=self.bundles,
            state=self._state,
        )

    @cached_property
    def bundles(self) -> Bundles:
        """The plans that lie here, each with its review."""
        from glue.bundle_review import Reviewing
        from glue.bundles import Bundles, Here

        here = Here(maker=self._maker, commit=lambda: self._commit, claim=self._claim)
        return Bundles(self.workspace, here=here, review=Reviewing(self.workspace))

    def _maker(self, stack: Stack) -> Maker:
        from glue.core import roles
        from glue.core.bundle import Maker

        session = self._terraform(stack, changes=False)
        return Maker(session.principal, session.assumed or roles.of_caller(session.caller, stack.environment))

    def _claim(self, stack: Stack, manifest: Manifest) -> None:
        """Mark a bundle that other jobs may have fetched, too."""
        from glue.bundle_store import Store

        Store(self._terraform(stack, changes=True), stack).use(manifest)

    @cached_property
    def _commit(self) -> tuple[str | None, bool]:
        """The checkout's commit and whether it has other changes, None where git cannot say; asked once."""
        from glue.git import Git

        git = Git(self.workspace.root, self.environ)
        try:
            return git.line("rev-parse", "HEAD"), bool(git.run("status", "--porcelain"))
        except SlipwayError:
            return None, False

    def _state(self, stack: Stack) -> bytes | None:
        """Return a stack's state as it lies in its bucket, None when there is none."""
        from glue.core import names

        where = stack.environment
        name = names.state_bucket(where.project, where.name, where.account_id)
        bucket = self._terraform(stack, changes=False).bucket(name, owner=where.account_id)
        return self.state_in(bucket, stack.state_key)

    def state_bucket(self, where: Environment) -> Bucket:
        """Return the bucket of an environment's states, in the role that only reads."""
        from glue.core import names, roles

        name = names.state_bucket(where.project, where.name, where.account_id)
        return self.accounts.session(where, roles.PLAN).bucket(name, owner=where.account_id)

    def state_in(self, bucket: Bucket, key: str) -> bytes | None:
        """Return a state as it lies in a bucket, None when there is none."""
        found = bucket.get_small(key, limit=STATE_LIMIT)
        return found[0] if found else None

    def identity(self, stack: Stack) -> Identity:
        """Return whose credentials Terraform works with on a stack: its role's, or the caller's as they are."""
        return self._identity(stack.environment, self._terraform(stack, changes=False))

    def reading(self, stack: Stack) -> Identity:
        """Return the credentials of the role that only reads, whatever the caller may do besides."""
        from glue.core import roles

        where = stack.environment
        return replace(self._identity(where, self.accounts.session(where, roles.PLAN)), locks=False)

    def _identity(self, where: Environment, session: Session) -> Identity:
        from glue.aws.credential_process import CALLER, KEYS, TOKEN
        from glue.core import roles
        from glue.tf.commands import Identity

        # Before a profile, some SDKs look at these; with a profile chosen, they must not.
        # https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
        keys = tuple(name for name in KEYS if name in self.environ)
        profile = self.accounts.profile(where)
        if session.assumed is not None:
            session.refresh()
            name = self.profiles.write(where, session.assumed, profile=profile)
            variables = {"AWS_CONFIG_FILE": str(self.profiles.config_file), "AWS_PROFILE": name}
            passed = {} if profile else {CALLER + key: key for key in keys}
            tokens = tuple(name for name in TOKEN if name in self.environ)
            return Identity(variables, passed, (*keys, *tokens))
        locks = roles.of_caller(session.caller, where) != roles.PLAN
        return Identity({"AWS_PROFILE": profile}, {}, keys, locks) if profile else Identity(locks=locks)

    @cached_property
    def stacks(self) -> Stacks:
        """Plans and applies stacks."""
        from glue.aws.existing import Existing
        from glue.stacks import Stacks
        from glue.tf.adopting import Adopter
        from glue.tf.bootstrap import Bootstrap

        return Stacks(
            self.runner,
            bootstrap=Bootstrap(self.runner, has_state=self._has_state, console=self.console),
            adopter=Adopter(
                self.runner,
                existing=lambda stack: Existing(self._terraform(stack, changes=False)),
                console=self.console,
            ),
            admit=lambda stack, changes: self._terraform(stack, changes=changes),
        )

    @cached_property
    def drifts(self) -> Drifts:
        """Looks for infrastructure drift, in the role that only reads."""
        from glue.bundle_review import Reviewing
        from glue.drifting import Drifts
        from glue.tf.runner import Runner

        runner = Runner(
            self.workspace, console=self.console, environ=self.environ, who=self.reading, bundles=self.bundles
        )
        return Drifts(
            runner,
            review=Reviewing(self.workspace).review,
            truth=self._truth,
            alone=self.stacks.alone,
        )

    def _truth(self, stack: Stack) -> Truth | None:
        """Return the truth check's verdict on an endpoint, read in the role that only reads."""
        from glue.core import roles
        from glue.verifying import truth_of

        if stack.endpoint is None:
            return None
        where = stack.environment
        return truth_of(
            self.accounts.session(where, roles.PLAN),
            stack.endpoint,
            self.estate.revisions(where.name, stack.endpoint),
            settings=self.estate.endpoint(where.name, stack.endpoint),
            alarms=False,  # one that rings is no drift
        )

    def stack(self, where: Environment, endpoint: str) -> Stack:
        """Return the serving stack of an endpoint."""
        return Stack(where, "serving", endpoint)

    def alone(self, where: Environment, endpoint: str) -> ExitStack:
        """Hold an endpoint's lock on this machine. Raises RefusedError while another call does."""
        return self.stacks.alone(self.stack(where, endpoint))

    def deployer(self, where: Environment) -> Deployer:
        """Makes revisions live in an environment. On a terminal it asks first, unless --yes."""
        from glue.cli import planned
        from glue.comparing import Comparer
        from glue.deploying import Deployer
        from glue.watching import Watch

        asks = not self.yes and sys.stdin.isatty() and sys.stderr.isatty()
        session = self.accounts.session(where)
        return Deployer(
            stacks=self.stacks,
            estate=self.estate,
            session=session,
            console=self.console,
            confirm=self._confirm if asks else None,
            trail=self.trail(where),
            admit=lambda plan, intent: planned.admit(self, plan, intent),
            watch=Watch(session, console=self.console),
            comparer=Comparer(session, console=self.console, folder=self.workspace.work / "reports" / where.name),
        )

    def trail(self, where: Environment, session: Session | None = None) -> Trail:
        """Return what records this call's work in an environment. What cannot be recorded makes the exit code 1."""
        from glue.auditing import Trail

        session = session or self.accounts.session(where)
        key = (where.name, session.caller)
        if key not in self._trails:
            self._trails[key] = Trail(session, console=self.console)
        return self._trails[key]

    @property
    def unrecorded(self) -> tuple[str, ...]:
        """What this call did and could not record."""
        return tuple(text for trail in self._trails.values() for text in trail.unrecorded)

    def recorded(self, stack: Stack, facts: Mapping[str, str] | None = None) -> AbstractContextManager[None]:
        """Record the apply of a stack's saved plan, with these details, in the role that applies it."""
        from glue.applying import recorded

        planned = self.runner.saved(stack)
        if planned is None:
            return nullcontext()
        trail = self.trail(stack.environment, self._terraform(stack, changes=True))
        return recorded(trail, stack, planned, self.estate, facts=facts)

    def foresee(self, planned: Planned) -> Foreseen:
        """Return what a plan comes to on the live endpoint, read in the role that planned it."""
        from glue.foreseeing import Foreseen, foresee

        stack = planned.stack
        if stack.endpoint is None:
            return Foreseen()
        revisions = self.estate.revisions(stack.environment.name, stack.endpoint)
        try:
            return foresee(self._terraform(stack, changes=False), planned, revisions)
        except SlipwayError as error:  # the plan itself is as good as ever
            self.console.warn(f"what the plan comes to is not known: {error.message}", of=stack.label)
            return Foreseen()

    def apply_saved(self, stack: Stack) -> tuple[Applied, Verified | None]:
        """Apply the saved plan of a stack whose lock is held; an endpoint's is proven, and goes back on failure.

        Returns the proof, too, when golden requests are part of it.
        """
        from glue.deploying import Deployer
        from glue.watching import Watch

        if stack.endpoint is None:
            return self.stacks.apply_held(stack), None
        asker = self._asker(stack.environment)
        deployer = Deployer(
            stacks=self.stacks,
            estate=self.estate,
            # the role that applies it may read it: a pipeline's step for the apply needs no second role
            session=self._terraform(stack, changes=True),
            console=self.console,
            watch=Watch(asker, console=self.console) if asker is not None else None,
            asker=asker,
        )
        return deployer.apply_saved(stack)

    def _asker(self, where: Environment) -> Session | None:
        """Return the session that may ask golden requests and abort, None when the caller cannot have it."""
        try:
            return self.accounts.session(where)
        except (AccessDeniedError, RefusedError):
            return None

    def _confirm(self, planned: Planned) -> bool:
        import click

        self.console.say(planned.text, of=planned.stack.label)
        return click.confirm(f"Apply this plan of {planned.stack.label}?", err=True)

    def now(self) -> str:
        """Return the time as it is written into files: RFC 3339, UTC, seconds."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def close(self) -> None:
        """Give back connections."""
        if "accounts" in self.__dict__:
            self.accounts.close()

    def costs(self) -> dict[str, object]:
        """Return what the call cost so far: API calls by service and operation, and seconds."""
        calls: Counter[str] = Counter()
        if "accounts" in self.__dict__:
            for of_one in self.accounts.api_calls.values():
                calls.update(of_one)
        return {"calls": dict(sorted(calls.items())), "seconds": round(time.monotonic() - self.began, 3)}

    def may_deploy(self, where: Environment) -> None:
        """Raise RefusedError or AccessDeniedError now, and not half-way, when the caller may not deploy endpoints."""
        self.accounts.terraform(where, "serving", changes=True)

    def _terraform(self, stack: Stack, *, changes: bool) -> Session:
        return self.accounts.terraform(stack.environment, stack.name, changes=changes)

    def _keep(self, environment: Environment, role: str, credentials: Mapping[str, str]) -> None:
        """Keep what was assumed for Terraform, whose processes come and go."""
        from glue.core import roles

        if role in roles.TERRAFORMS:
            self.profiles.keep(environment, role, credentials, profile=self.accounts.profile(environment))

    def _has_state(self, stack: Stack) -> bool | None:
        """Tell whether bootstrap's state lies in its bucket; None when there is no bucket."""
        from glue.core import names
        from glue.errors import NotFoundError

        where = stack.environment
        session = self._terraform(stack, changes=False)
        name = names.state_bucket(where.project, where.name, where.account_id)
        try:
            return session.bucket(name, owner=where.account_id).head(stack.state_key) is not None
        except NotFoundError:
            return None
