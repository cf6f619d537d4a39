"""A client that asks an endpoint all through a bad day, and keeps what became of each question."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.demo.aws import QUESTION

PATIENCE_S = 15.0  # how long a caller asks again before it goes without an answer
PAUSE_S = 0.05
TOLD = re.compile(r"slipway-release=(?P<release>\S+)")


@dataclass(frozen=True)
class Asked:
    """One question: when it was asked (monotonic seconds), which release answered it, and what went wrong before."""

    at: float
    release: str | None
    model_errors: int = 0
    faults: tuple[str, ...] = ()


@dataclass
class Tally:
    """What a caller saw. A question is lost when nobody answered it within the caller's patience."""

    asked: list[Asked] = field(default_factory=list)

    @property
    def lost(self) -> list[Asked]:
        """Questions without any answer."""
        return [one for one in self.asked if one.release is None]

    @property
    def answered(self) -> Counter[str]:
        """How many answers each release gave."""
        return Counter(one.release for one in self.asked if one.release is not None)

    @property
    def model_errors(self) -> int:
        """Errors of a model itself (424): each question was asked again."""
        return sum(one.model_errors for one in self.asked)

    @property
    def faults(self) -> Counter[str]:
        """Everything else that went wrong, by AWS's code."""
        return Counter(fault for one in self.asked for fault in one.faults)


class Caller:
    """Asks in a thread of its own, `every` seconds, from `with` to its end.

    Each answer says which release gave it (image/README.md). One that does not is an error, raised at the end.
    """

    def __init__(self, runtime: Any, endpoint: str, *, every: float = 0.25) -> None:
        self.tally = Tally()
        self._runtime, self._endpoint, self._every = runtime, endpoint, every
        self._question = QUESTION.read_bytes()
        self._over = threading.Event()
        self._broken: list[Exception] = []
        self._thread = threading.Thread(target=self._guarded, name=f"asks {endpoint}")

    def __enter__(self) -> Caller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._broken:
            raise self._broken[0]

    def longest(self, release: str) -> int:
        """Return the longest run of answers by one release: long once it has all the traffic."""
        runs = groupby(self.tally.asked, key=lambda one: one.release)
        return max((len(list(run)) for found, run in runs if found == release), default=0)

    def until(self, reached: Callable[[Tally], bool], *, within: float = 60) -> None:
        """Wait until the tally says so."""
        deadline = time.monotonic() + within
        while not reached(self.tally):
            assert not self._broken, self._broken
            assert time.monotonic() < deadline, f"never reached; answers so far: {self.tally.answered}"
            time.sleep(PAUSE_S)

    def _guarded(self) -> None:
        try:
            while not self._over.is_set():
                self.tally.asked.append(self._ask())
                self._over.wait(self._every)
        except Exception as error:  # noqa: BLE001 - shown where the test can fail
            self._broken.append(error)

    def _ask(self) -> Asked:
        at, errors, faults = time.monotonic(), 0, []
        while time.monotonic() < at + PATIENCE_S:
            try:
                return Asked(at, self._try(), errors, tuple(faults))
            except ClientError as error:
                if error.response["Error"]["Code"] == "ModelError":
                    errors += 1
                else:
                    faults.append(error.response["Error"]["Code"])
            except BotoCoreError as error:
                faults.append(type(error).__name__)
            time.sleep(PAUSE_S)
        return Asked(at, None, errors, tuple(faults))

    def _try(self) -> str:
        answer = self._runtime.invoke_endpoint(
            EndpointName=self._endpoint, ContentType="application/json", Body=self._question
        )
        answer["Body"].read()
        told = TOLD.fullmatch(answer["CustomAttributes"])
        assert told, answer
        return told["release"]
