"""What a command works with, made when it is first needed: start-up must not pay for what is not used."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is used, for start-up's sake
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from glue.console import Console
from glue.errors import SlipwayError
from glue.workspace import Stack, Workspace

if TYPE_CHECKING:
    from glue.aws.session import Accounts
    from glue.core.environment import Environment
    from glue.deploying import Deployer
    from glue.stacks import Stacks
    from glue.tf.runner import Planned, Runner
    from glue.tf.tfvars import Estate


@dataclass
class App:
    """One call of the command: its common options, and everything that is shared by its steps."""

    style: str = "table"
    dry_run: bool = False
    yes: bool = False
    verbose: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    began: float = field(default_factory=time.monotonic)

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
        from glue.aws.session import Accounts

        return Accounts(environ=self.environ)

    @cached_property
    def runner(self) -> Runner:
        """Runs terraform."""
        from glue.tf.runner import Runner

        return Runner(
            self.workspace,
            console=self.console,
            environ=self.environ,
            profile=lambda stack: self.accounts.profile(stack.environment),
        )

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
                existing=lambda stack: Existing(self.accounts.operator(stack.environment)),
                console=self.console,
            ),
            check=lambda stack: self.accounts.operator(stack.environment),
        )

    def stack(self, where: Environment, endpoint: str) -> Stack:
        """Return the serving stack of an endpoint."""
        return Stack(where, "serving", endpoint)

    def alone(self, where: Environment, endpoint: str) -> ExitStack:
        """Hold an endpoint's lock on this machine. Raises RefusedError while another call does."""
        return self.stacks.alone(self.stack(where, endpoint))

    def deployer(self, where: Environment) -> Deployer:
        """Makes revisions live in an environment. On a terminal it asks first, unless --yes."""
        from glue.deploying import Deployer

        asks = not self.yes and sys.stdin.isatty() and sys.stderr.isatty()
        return Deployer(
            stacks=self.stacks,
            estate=self.estate,
            session=self.accounts.session(where),
            console=self.console,
            confirm=self._confirm if asks else None,
        )

    def truth_after_apply(self, stack: Stack) -> None:
        """Prove that what was applied is live. Raises SlipwayError with the reasons when it is not."""
        from glue.verifying import truth_of

        if stack.endpoint is None:
            return
        where = stack.environment
        wanted = self.estate.revisions(where.name, stack.endpoint)
        truth = truth_of(self.accounts.session(where), stack.endpoint, wanted)
        if truth.state == "true":
            self.console.step(f"Truth check: {truth.live_revision or 'nothing'} is live", of=stack.label)
            return
        raise SlipwayError(
            f"the truth check of {stack.label} failed: {'; '.join(truth.reasons)}",
            remedy=f"slipway verify --env {where.name} --endpoint {stack.endpoint} tells more; "
            f"slipway rollback --env {where.name} --endpoint {stack.endpoint} goes back.",
        )

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

    def _has_state(self, stack: Stack) -> bool | None:
        """Tell whether bootstrap's state lies in its bucket; None when there is no bucket."""
        from glue.core import names
        from glue.errors import NotFoundError

        where = stack.environment
        session = self.accounts.operator(where)
        name = names.state_bucket(where.project, where.name, where.account_id)
        try:
            return session.bucket(name, owner=where.account_id).head(stack.state_key) is not None
        except NotFoundError:
            return None
