"""What a command works with, made when it is first needed: start-up must not pay for what is not used."""

from __future__ import annotations

# ruff: noqa: PLC0415 - what a command needs is imported when it is used, for start-up's sake
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from glue.console import Console
from glue.workspace import Stack, Workspace

if TYPE_CHECKING:
    from glue.aws.session import Accounts
    from glue.stacks import Stacks
    from glue.tf.runner import Runner
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

    def now(self) -> str:
        """Return the time as it is written into files: RFC 3339, UTC, seconds."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

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
