"""What the demo saw: steps, requests, checks; kept as data, written as build/demo/report.json."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sandbox.demo.meter import Meter
from sandbox.demo.show import Show


@dataclass(frozen=True)
class Step:
    """One step of the story and what it cost, seen from the accounts."""

    name: str
    seconds: float
    api_calls: int
    calls_by_client: dict[str, int]
    calls_by_operation: dict[str, int]
    artifact_bytes_through_client: int


@dataclass(frozen=True)
class Check:
    """Something that must hold."""

    name: str
    passed: bool
    detail: str


@dataclass
class Report:
    """Collects while the story runs. `passed` is true only if the story ended and every check held."""

    show: Show
    meter: Meter
    started: float = field(default_factory=time.time)
    steps: list[Step] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    environments: dict[str, Any] = field(default_factory=dict)
    releases: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)
    ended: bool = False

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step and count its API calls; steps follow each other, they never overlap."""
        self.show.begin(name)
        self.meter.read()
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.show.end(name, time.monotonic() - began, failed=True)
            raise
        seconds, used = time.monotonic() - began, self.meter.read()
        self.steps.append(
            Step(
                name=name,
                seconds=round(seconds, 2),
                api_calls=used.calls,
                calls_by_client=dict(used.by_client),
                calls_by_operation=dict(used.by_operation),
                artifact_bytes_through_client=used.artifact_bytes,
            )
        )
        self.show.end(name, seconds)

    def check(self, name: str, passed: bool, detail: object = "") -> None:
        """Note whether something held; the story goes on, so that one run shows all that is wrong."""
        self.checks.append(Check(name, bool(passed), str(detail)))
        self.show.check(name, bool(passed), str(detail))

    @property
    def passed(self) -> bool:
        """Whether the story came to its end and every check held."""
        return self.ended and bool(self.checks) and all(check.passed for check in self.checks)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON data."""
        copies = [step for step in self.steps if step.name.startswith("promote")]
        return {
            "schema": 1,
            "passed": self.passed,
            "seconds": round(time.time() - self.started, 1),
            "environments": self.environments,
            "releases": self.releases,
            "requests": self.requests,
            "artifact_bytes_through_client": sum(step.artifact_bytes_through_client for step in copies),
            "api_calls": {step.name: step.api_calls for step in self.steps},
            "seconds_per_step": {step.name: step.seconds for step in self.steps},
            "steps": [asdict(step) for step in self.steps],
            "checks": [asdict(check) for check in self.checks],
            "status": self.status,
            "plans": self.plans,
        }

    def write(self, folder: Path) -> Path:
        """Write report.json and return its path."""
        path = folder / "report.json"
        path.write_text(json.dumps(self.document(), indent=2) + "\n")
        return path
