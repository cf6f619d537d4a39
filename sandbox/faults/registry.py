"""The faults that are set, which of them meets what happens now, and what they met."""

from __future__ import annotations

import fnmatch
import json
import random
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.faults.kinds import KINDS
from sandbox.faults.model import Fault, parse

_RECENT = 50
_MOST = 200
# Nothing after one of these happens to the same request.
_LAST_WORD = frozenset({"throttle", "error", "deny", "quota", "lost-update"})


@dataclass
class _Set:
    """A fault that is set, and what became of it."""

    fault: Fault
    since: datetime  # AWS's time
    patterns: dict[str, re.Pattern[str]]
    chance: random.Random
    seen: int = 0
    hits: int = 0
    last: datetime | None = field(default=None)


class Registry:
    """Safe for threads. `now` tells AWS's time; each hit becomes a line of `log` (a file), if there is one."""

    def __init__(self, now: Callable[[], datetime], log: Path | None = None) -> None:
        self._now = now
        self._log = log
        self._lock = threading.Lock()
        self._faults: dict[str, _Set] = {}
        self._numbers = 0
        self._recent: deque[dict[str, str]] = deque(maxlen=_RECENT)

    def add(self, documents: Iterable[object]) -> list[Fault]:
        """Set the faults that the JSON objects describe: all of them, or none.

        Raises SandboxError when one is wrong, or has the id of one that is set.
        """
        with self._lock:
            made: dict[str, _Set] = {}
            numbers = self._numbers
            for document in documents:
                numbers += 1
                fault = parse(document, new_id=f"f{numbers}")
                if fault.id in self._faults or fault.id in made:
                    raise SandboxError(f"a fault {fault.id!r} is set already", remedy="Clear it, or take another id.")
                patterns = {key: re.compile(fnmatch.translate(text)) for key, text in fault.match.items()}
                made[fault.id] = _Set(fault, self._now(), patterns, random.Random(fault.seed))  # noqa: S311
            if len(self._faults) + len(made) > _MOST:
                raise SandboxError(f"at most {_MOST} faults can be set", remedy="Clear the old ones.")
            self._numbers = numbers
            self._faults |= made
            return [one.fault for one in made.values()]

    def clear(self, identity: str | None = None) -> int:
        """Take back one fault, or all of them; return how many. Raises SandboxError when there is no such fault."""
        with self._lock:
            if identity is None:
                count = len(self._faults)
                self._faults = {}
                return count
            if identity not in self._faults:
                raise SandboxError(f"no fault {identity!r} is set", remedy="`python -m sandbox fault list`")
            self._faults = {key: one for key, one in self._faults.items() if key != identity}
            return 1

    def standing(self, kind: str, facts: Mapping[str, str]) -> Fault | None:
        """Return the first fault of this kind that is set for what the facts name, without counting that it was met."""
        with self._lock:
            now = self._now()
            for one in self._faults.values():
                fits = all(pattern.match(facts.get(key, "")) for key, pattern in one.patterns.items())
                if one.fault.kind == kind and fits and not self._over(one, now):
                    return one.fault
            return None

    def stands(self, fault: Fault) -> bool:
        """Whether this fault has not been taken back, though it may be over."""
        one = self._faults.get(fault.id)
        return one is not None and one.fault is fault

    @property
    def idle(self) -> bool:
        """Whether nothing is set: the usual case, which must cost nothing."""
        return not self._faults

    @property
    def count(self) -> int:
        """How many faults may still happen."""
        with self._lock:
            now = self._now()
            return sum(not self._over(one, now) for one in self._faults.values())

    @property
    def needs_resources(self) -> bool:
        """Whether a fault is told by its resource: finding the names in a request costs something."""
        return any("resource" in one.patterns for one in self._faults.values())

    def meet(self, kinds: Iterable[str], facts: Mapping[str, Iterable[str]]) -> list[Fault]:
        """Return the faults of these kinds that meet what happens now, in the order they were set; each is counted.

        `facts`: for each name, every text by which the thing may be called. A fault that matches on a fact that is not
        given meets nothing.
        """
        wanted = frozenset(kinds)
        with self._lock:
            now = self._now()
            met: list[Fault] = []
            for one in self._faults.values():
                if one.fault.kind in wanted and not self._over(one, now) and self._meets(one, facts):
                    one.hits, one.last = one.hits + 1, now
                    met.append(one.fault)
                    self._note(one.fault, now, facts)
                    if one.fault.kind in _LAST_WORD or one.fault.effect.get("when") == "before":
                        break
            return met

    def describe(self) -> list[dict[str, Any]]:
        """Return each fault as it was asked for, with since, seen, hits, last and state ("set" or "over")."""
        with self._lock:
            now = self._now()
            return [
                {
                    **asdict(one.fault),
                    "sentence": KINDS[one.fault.kind].about,
                    "since": _text(one.since),
                    "seen": one.seen,
                    "hits": one.hits,
                    "last": _text(one.last) if one.last else None,
                    "state": "over" if self._over(one, now) else "set",
                }
                for one in self._faults.values()
            ]

    def recent(self) -> list[dict[str, str]]:
        """Return the last hits, newest first."""
        with self._lock:
            return list(reversed(self._recent))

    @staticmethod
    def _over(one: _Set, now: datetime) -> bool:
        fault = one.fault
        if fault.times is not None and one.hits >= fault.times:
            return True
        return fault.for_s is not None and (now - one.since).total_seconds() >= fault.for_s

    @staticmethod
    def _meets(one: _Set, facts: Mapping[str, Iterable[str]]) -> bool:
        for key, pattern in one.patterns.items():
            if not any(pattern.match(text) for text in facts.get(key, ())):
                return False
        one.seen += 1
        turn = one.seen - one.fault.skip
        if turn < 1 or (turn - 1) % one.fault.every:
            return False
        return one.fault.probability >= 1 or one.chance.random() < one.fault.probability

    def _note(self, fault: Fault, now: datetime, facts: Mapping[str, Iterable[str]]) -> None:
        entry = {
            "time": _text(now),
            "wall": _text(datetime.now(UTC)),
            "fault": fault.id,
            "kind": fault.kind,
            **{key: next(iter(texts), "") for key, texts in facts.items()},
        }
        self._recent.append(entry)
        if self._log is not None:
            with self._log.open("a") as file:
                file.write(json.dumps(entry) + "\n")


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
