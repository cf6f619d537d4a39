"""Looks for infrastructure drift: what differs between the data files, Terraform's states and what AWS has.

Each stack is planned by the role that only reads, without a lock and into a temporary file, and nothing is kept. (Drift
of a model's requests is another thing: `slipway monitor`.)
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glue.fanout import Outcome, side_by_side
from glue.review import document
from glue.review.drift_words import differences
from glue.review.model import Grade, Review
from glue.workspace import Stack

if TYPE_CHECKING:
    from glue.core.truth import Truth
    from glue.tf.runner import Runner

Reviewer = Callable[[bytes, Stack], Review]
ReadTruth = Callable[[Stack], "Truth | None"]
Alone = Callable[[Stack], AbstractContextManager[object]]
UNDER_WAY = "a deployment is under way"


@dataclass(frozen=True)
class Looked:
    """What was found in one stack. `grade` is the review's of the plan that would bring everything in line.

    `truth` is the truth check's verdict on an endpoint; what it says that the plan does not is drift, too.
    """

    stack: Stack
    drift: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    grade: str = Grade.NONE.word
    truth: Truth | None = None
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.drift and not self.pending


class Drifts:
    """Looks at stacks. `runner` works in the role that reads; `alone` holds a stack's lock on this machine."""

    def __init__(self, runner: Runner, *, review: Reviewer, truth: ReadTruth, alone: Alone) -> None:
        self._runner = runner
        self._review = review
        self._truth = truth
        self._alone = alone

    def look_all(self, stacks: list[Stack]) -> list[Outcome[Stack, Looked]]:
        """Look at stacks side by side and return every outcome."""
        return side_by_side(stacks, self.look, interrupt=self._runner.processes.interrupt)

    def look(self, stack: Stack) -> Looked:
        """Return what differs in a stack. Raises our error when it cannot be looked at."""
        began = time.monotonic()
        with self._alone(stack):
            data = self._plan(stack)
        found = self._review(data, stack)
        said = differences(document.read(data, name=stack.label), found.endpoints)
        truth = self._truth(stack) if stack.endpoint is not None else None
        drift, pending = with_truth(said.drift, said.pending, truth)
        return Looked(stack, drift, pending, found.grade.word, truth, time.monotonic() - began)

    def _plan(self, stack: Stack) -> bytes:
        """Return the JSON of a plan that nobody will apply."""
        place, runner = self._runner.place(stack), self._runner
        who = runner.who(stack)
        runner.init(place)
        runner.workspace.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="drift-", dir=runner.workspace.work) as folder:
            file = Path(folder).resolve() / "plan"
            runner.run(place, runner.commands.plan(place, who=who, out=file), codes=(0, 2), quiet=True)
            shown = runner.run(place, runner.commands.show(place, who=who, plan=file), quiet=True)
        shown.log.unlink(missing_ok=True)  # terraform does not redact what it shows as JSON
        return shown.output.encode()


def with_truth(
    drift: tuple[str, ...], pending: tuple[str, ...], truth: Truth | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return drift and pending changes with what the truth check adds to them.

    While a change is pending, AWS cannot be as the files want it, and what the check says is that change.
    """
    if truth is None or truth.state == "true":
        return drift, pending
    if truth.state == "pending":
        return drift, (*pending, UNDER_WAY)
    return (drift, pending) if pending else ((*drift, *truth.reasons), pending)


def orphans(state_keys: Iterable[str], endpoints: Iterable[str], held: Callable[[str], bytes | None]) -> dict[str, int]:
    """Return the endpoints that have a state and no data, with how many resources Terraform still holds for each.

    `held` returns a state's bytes. An endpoint whose data was deleted goes on serving and costing.
    """
    known = set(endpoints)
    found: dict[str, int] = {}
    for key in state_keys:
        name = key.removeprefix("serving/").removesuffix(".tfstate")
        if key != f"serving/{name}.tfstate" or name in known:
            continue
        count = _managed(held(key))
        if count:
            found[name] = count
    return found


def _managed(state: bytes | None) -> int:
    try:
        resources = json.loads(state or b"{}").get("resources", [])
        return sum(it.get("mode") == "managed" for it in resources)
    except (ValueError, AttributeError, TypeError):
        return 1  # nobody can tell, so somebody should look
