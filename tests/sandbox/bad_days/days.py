"""One bad day: a client asks all through it, and afterwards the same things must hold whatever happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.sandbox.bad_days.aftermath import Clients, guards, inventory, live, next_commands, unknown_to_the_runbook
from tests.sandbox.bad_days.caller import Caller, Tally
from tests.sandbox.bad_days.models import Models
from tests.sandbox.bad_days.report import Seen, message_of
from tests.sandbox.estate import REPOSITORY, SLIPWAY, Estate, Said

_KEPT = {"Name", "GroupName", "Description", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow",
         "Target"}  # fmt: skip
SPEED = 60  # AWS seconds a second, unless a day says otherwise: the sandbox's own default
LOAD = 3  # callers who ask without a pause, where a model is to be put under load


@dataclass
class Day:
    """What happens on one day in one environment. `new`: releases that may have answered besides the old one."""

    world: World
    environment: str
    old: str
    caller: Caller
    new: set[str] = field(default_factory=set)
    said: Said | None = None
    commands: list[str] = field(default_factory=list)
    started: list[Started] = field(default_factory=list)

    def slipway(self, *arguments: str) -> Said:
        """Run a command, whatever comes of it."""
        self.commands.append("slipway " + " ".join(arguments))
        return self.world.estate.slipway(*arguments)

    def promote(self, release: str, *more: str) -> Said:
        """Promote and apply."""
        self.new.add(release)
        return self.slipway("promote", release, "--to", self.environment, "--apply", "--yes", *more)

    def fails(self, said: Said, *words: str, code: int = 1) -> Said:
        """Check that a command failed as a command should, and keep what it said for the report.

        Exit code; every word in what was said; no traceback; at least one next command, each of them in the runbook.
        """
        text = said.out + said.err
        assert said.code == code, text
        for word in words:
            assert word in text, f"{word!r} is not in {text}"
        assert "Traceback" not in text
        self.said = said
        told = next_commands(message_of(said))
        assert told, f"no next command in {message_of(said)!r}"
        assert unknown_to_the_runbook(told) == []
        return said

    def converges(self, said: Said, release: str) -> None:
        """Check that a command made a release live."""
        assert said.code == 0, said.out + said.err
        assert self.live()["release"] == release

    def live(self) -> dict[str, Any]:
        """What AWS serves."""
        return live(self.world.clients, self.environment)

    def start(self, *arguments: str) -> Started:
        """Start a command, to do something while it runs."""
        self.commands.append("slipway " + " ".join(arguments))
        self.started.append(Started(self.world.estate, arguments))
        return self.started[-1]


class Started:
    """A command that runs, all of what it says, and its end by SIGKILL."""

    def __init__(self, estate: Estate, arguments: tuple[str, ...]) -> None:
        self._estate = estate
        self._process = subprocess.Popen(
            [SLIPWAY, *arguments],
            cwd=REPOSITORY, env={**estate.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def kill_when(self, reached: Callable[[], bool], *, within: float = 120) -> None:
        """SIGKILL it, and the Terraform that it runs, as soon as a point is reached."""
        self.wait_for(reached, within=within)
        self.kill()

    def kill(self) -> None:
        """SIGKILL it, unless it has ended, and the Terraform that it runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self.kill_terraform()
        if not self._process.stdout.closed:  # type: ignore[union-attr]
            self._process.communicate(timeout=30)

    def kill_terraform(self) -> None:
        """SIGKILL Terraform and its providers, and nothing else."""
        for pid in self._estate.terraform_processes():
            os.kill(pid, signal.SIGKILL)

    def wait_for(self, reached: Callable[[], bool], *, within: float = 120) -> None:
        """Wait for a point of the command's run. Fails when the command ends before it."""
        deadline = time.monotonic() + within
        while not reached():
            assert self._process.poll() is None, f"it ended before: {self._process.communicate()}"
            assert time.monotonic() < deadline, "the point was never reached"
            time.sleep(0.02)

    def end(self, within: float = 240) -> Said:
        """Wait for its end and return what it said."""
        out, err = self._process.communicate(timeout=within)
        return Said(self._process.returncode, out, err)


@dataclass
class World:
    """The estate, its clients, the misbehaving releases, and what was seen so far."""

    estate: Estate
    models: Models
    clients: Clients
    seen: list[Seen] = field(default_factory=list)

    @contextmanager
    def day(self, name: str, about: str, *, environment: str = "qa", callers: int = 1) -> Iterator[Day]:
        """Begin a day, and check at its end what must hold after each one.

        No question went without an answer; each answer is of the old release or of one that the day brought; nothing
        that was there is gone; the endpoint is in service; the next plan is empty.
        """
        self.quiet(environment)
        before, began = inventory(self.clients, environment), time.monotonic()
        with ExitStack() as asking:
            crowd = [asking.enter_context(self.caller(environment))]
            crowd += [asking.enter_context(self.caller(environment, every=0.01)) for _ in range(callers - 1)]
            old = live(self.clients, environment)["release"]
            day = Day(self, environment, old, crowd[0])
            try:
                yield day
            finally:
                for started in day.started:
                    started.kill()
            plan = self.estate.slipway("plan", "--env", environment, "--endpoint", "ranker", "--format", "json")
        tally = Tally([one for caller in crowd for one in caller.tally.asked])
        self.seen.append(Seen.of(name, about, day, tally, plan, seconds=time.monotonic() - began))
        assert tally.lost == []
        assert tally.faults == {}
        assert set(tally.answered) <= {day.old, *day.new}
        assert tally.answered[day.old] > 0
        assert before - inventory(self.clients, environment) == frozenset()
        assert day.live()["status"] == "InService"
        assert [result["empty"] for result in plan.document["results"]] == [True], plan.out

    def quiet(self, environment: str, *, within: float = 60) -> None:
        """Wait until no alarm of the day before rings that would undo a deployment."""
        cloudwatch, deadline = self.clients.of(environment, "cloudwatch"), time.monotonic() + within
        while ringing := guards(cloudwatch, f"slipway-{environment}-ranker"):
            assert time.monotonic() < deadline, f"still in ALARM: {ringing}"
            time.sleep(0.5)

    def status(self, environment: str) -> str:
        """The status of an environment's endpoint."""
        name = f"slipway-{environment}-ranker"
        described = self.clients.of(environment, "sagemaker").describe_endpoint(EndpointName=name)
        return str(described["EndpointStatus"])

    def caller(self, environment: str, every: float = 0.25) -> Caller:
        """Return somebody who asks an environment's endpoint."""
        runtime = self.clients.of(environment, "sagemaker-runtime")
        return Caller(runtime, f"slipway-{environment}-ranker", every=every)

    def sandbox(self, *arguments: str) -> str:
        """Run `python -m sandbox <arguments>` for this estate's server."""
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", *arguments],
            cwd=REPOSITORY, env=self.estate.environ, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def fault(
        self, kind: str, *, match: Mapping[str, str], times: int = 1, skip: int = 0, **effect: object
    ) -> Iterator[Fault]:
        """Set a fault, and take it back at the end."""
        matches = [text for key, value in match.items() for text in ("--match", f"{key}={value}")]
        effects = [text for key, value in effect.items() for text in ("--set", f"{key}={value}")]
        name = f"day-{time.monotonic_ns()}"
        often = ("--times", str(times), "--skip", str(skip))
        self.sandbox("fault", "add", "--id", name, "--kind", kind, *often, *matches, *effects)
        try:
            yield Fault(Path(self.estate.environ["SANDBOX_HOME"]) / "faults.jsonl", name)
        finally:
            self.sandbox("fault", "clear", name)

    @contextmanager
    def speed(self, faster: float) -> Iterator[None]:
        """Let AWS's time pass at another speed, in AWS seconds a second."""
        self.sandbox("clock", "--speed", str(faster))
        try:
            yield
        finally:
            self.sandbox("clock", "--speed", str(SPEED))

    @contextmanager
    def queue_rests(self) -> Iterator[None]:
        """Stop the training queue's schedules: each minute of AWS's time its launcher takes what the machine has."""
        self._queue("DISABLED")
        try:
            yield
        finally:
            self._queue("ENABLED")

    def _queue(self, state: str) -> None:
        scheduler = self.estate.client("dev", "scheduler")
        for name in ("launch", "sweep"):
            schedule = scheduler.get_schedule(GroupName="slipway-dev-training", Name=name)
            left = {key: schedule[key] for key in schedule.keys() & _KEPT}  # an update resets what it does not name
            scheduler.update_schedule(**left, State=state)


@dataclass(frozen=True)
class Fault:
    """A fault that is set."""

    log: Path
    name: str

    def hit(self) -> bool:
        """Whether it has happened."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return any(json.loads(line)["fault"] == self.name for line in lines)
