"""A shadow beside its production variant: which answers belong to one request, and how far they agree.

SageMaker captures both, each below its own name, with event ids of their own; a caller's inference id is in both
(https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-create.html,
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from glue.core.capture import Body, Captured
from glue.core.comparing import Comparison

# Memory is bounded: answers of the shadow that wait for production's, and distances that percentiles are taken of.
MOST_BYTES = 256 * 1024**2
MOST_DISTANCES = 1_000_000
_EXAMPLES = 5
_PATHS = 20


@dataclass
class Waiting:
    """A captured answer of the shadow that waits for production's."""

    answer: Body
    taken: bool = False


class Matcher:
    """Finds for each of production's exchanges the shadow's of the same request.

    By inference id together with the request's bytes, because callers may use an id again; without an id by event id,
    else by the bytes alone. `ways` counts how. Each of the shadow's exchanges is used once.
    """

    def __init__(self, *, most: int, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._by_event: dict[str, Waiting] = {}
        self._by_request: defaultdict[tuple[str | None, bytes | None], deque[Waiting]] = defaultdict(deque)
        self._bytes = 0
        self.held = 0
        self.left_out = 0
        self.ways: Counter[str] = Counter()

    def hold(self, captured: Captured) -> None:
        """Keep an exchange of the shadow, unless there are too many already."""
        if captured.answer is None:
            return
        if self.held >= self._most or self._bytes + len(captured.answer.data) > self._most_bytes:
            self.left_out += 1
            return
        waiting = Waiting(captured.answer)
        self.held += 1
        self._bytes += len(captured.answer.data)
        self._by_event[captured.event_id] = waiting
        self._by_request[captured.inference_id, _digest(captured)].append(waiting)

    def match(self, captured: Captured) -> Waiting | None:
        """Return the shadow's exchange of the same request, None when it was not captured."""
        named, digest = captured.inference_id is not None, _digest(captured)
        if not named:
            found = self._by_event.get(captured.event_id)
            if found is not None and not found.taken:
                return self._take("event_id", found)
            if digest is None:
                return None
        waiting = self._by_request.get((captured.inference_id, digest), deque())
        while waiting:
            found = waiting.popleft()
            if not found.taken:
                return self._take("inference_id" if named else "request", found)
        return None

    def _take(self, way: str, waiting: Waiting) -> Waiting:
        waiting.taken = True
        self.ways[way] += 1
        return waiting


@dataclass
class Tally:
    """What comparing came to so far."""

    pairs: int = 0
    agreed: int = 0
    differences: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[dict[str, object]] = field(default_factory=list)
    distances: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    numbers: int = 0

    def add(self, production: Captured, shadow: Waiting, comparison: Comparison) -> None:
        """Compare one pair of answers."""
        if production.answer is None:
            return
        kinds = (production.answer.kind, shadow.answer.kind)
        wrong: dict[tuple[str, str], float | None] = {}
        for found in comparison.compare(production.answer.data, shadow.answer.data, kinds=kinds):
            if found.away is not None and self.numbers < MOST_DISTANCES:
                self.numbers += 1
                self.distances[found.path].append(found.away)
            if found.kind is not None:
                wrong[found.path, found.kind] = max(found.away or 0.0, wrong.get((found.path, found.kind)) or 0.0)
        self.pairs += 1
        self.agreed += not wrong
        self.differences.update(wrong.keys())
        if wrong and len(self.examples) < _EXAMPLES:
            (path, kind), away = next(iter(wrong.items()))
            self.examples.append({"request": production.key, "path": path, "kind": kind, "away": away or None})

    @property
    def agreement(self) -> float | None:
        """The share of pairs that agree, from 0 to 1; None without a pair."""
        return self.agreed / self.pairs if self.pairs else None

    def document(self) -> dict[str, object]:
        """Return it for a JSON result. No value of an answer is in it: they may be personal."""
        ways = [
            {"path": path, "kind": kind, "pairs": count} for (path, kind), count in self.differences.most_common(_PATHS)
        ]
        spread = sorted(self.distances.items(), key=lambda entry: -max(entry[1]))[:_PATHS]
        return {
            "pairs": self.pairs,
            "agreed": self.agreed,
            "agreement": None if self.agreement is None else round(self.agreement, 6),
            "differences": ways,
            "numbers": [{"path": path, **distribution(values)} for path, values in spread],
            "examples": list(self.examples),
        }


def distribution(values: list[float]) -> Mapping[str, float]:
    """Return how distances (one at least) are spread: count, mean, percentiles by nearest rank, and the largest."""
    ranked = sorted(values)

    def rank(share: float) -> float:
        return ranked[math.ceil(share * len(ranked)) - 1]

    return {
        "count": len(ranked),
        "mean": sum(ranked) / len(ranked),
        "p50": rank(0.5),
        "p90": rank(0.9),
        "p99": rank(0.99),
        "max": ranked[-1],
    }


def _digest(captured: Captured) -> bytes | None:
    return None if captured.request is None else hashlib.sha256(captured.request.data).digest()
