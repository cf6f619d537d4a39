"""Golden requests after a deployment: cold models, busy containers and another release's answers get another try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glue.asking import PAUSES_S, Asker
from glue.aws.runtime import Answer, ModelError
from glue.core.golden import TRIES, GoldenRequest, GoldenResult
from glue.errors import AwsError
from tests.unit.revision_support import NEXT_RELEASE, RELEASE

REQUEST = GoldenRequest("one", "a/b", "a/b", b"1", 1, latency_ms=50)


class Runtime:
    """Answers in turn; a clock that only answering and sleeping move."""

    def __init__(self, *turns: Callable[[], Answer]) -> None:
        self.turns, self.asked, self.seconds = list(turns), 0, 0.0
        self.slept: list[float] = []

    def invoke(self, endpoint: str, body: bytes, **_: str) -> Answer:
        self.asked += 1
        return (self.turns.pop(0) if len(self.turns) > 1 else self.turns[0])()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def says(runtime: list[Runtime], text: bytes = b"1", ms: float = 1.0, release: str = RELEASE) -> Callable[[], Answer]:
    def answer() -> Answer:
        runtime[0].seconds += ms / 1000
        return Answer(text, "a/b", "main", attributes=f"slipway-release={release}" if release else "")

    return answer


def fails(error: Exception) -> Callable[[], Answer]:
    def answer() -> Answer:
        raise error

    return answer


def judged(*turns: Callable[[], Answer], own: list[Runtime] | None = None) -> tuple[GoldenResult, Runtime]:
    own = [] if own is None else own
    runtime = Runtime(*turns)
    own.append(runtime)
    session: Any = type("Session", (), {"runtime": runtime})
    asker = Asker(session, "slipway-qa-ranker", clock=lambda: runtime.seconds, sleep=runtime.sleep)
    return asker.judged(REQUEST, release=RELEASE, variant=None), runtime


def test_a_cold_model_gets_other_tries() -> None:
    own: list[Runtime] = []
    result, runtime = judged(*[says(own, ms=900)] * (TRIES - 1), says(own), own=own)
    assert (result.passed, runtime.asked) == (True, TRIES)


def test_a_model_that_stays_slow_fails() -> None:
    own: list[Runtime] = []
    result, runtime = judged(says(own, ms=900), own=own)
    assert (result.passed, result.reason, runtime.asked) == (False, "it took 900.0 ms, 50 ms allowed", TRIES)


def test_a_wrong_answer_fails_at_once() -> None:
    own: list[Runtime] = []
    result, runtime = judged(says(own, b"2", ms=900), own=own)
    assert (result.reason, runtime.asked) == ("$ is 2, not 1 (1 away, 2e-06 allowed)", 1)


def test_a_busy_container_is_asked_again_after_a_while() -> None:
    own: list[Runtime] = []
    busy = fails(ModelError("the model answered 503", status=503, said="too many requests"))
    result, runtime = judged(busy, busy, says(own), own=own)
    assert (result.passed, runtime.slept) == (True, list(PAUSES_S[:2]))
    result, runtime = judged(busy)
    assert (result.reason, runtime.asked, runtime.slept) == ("the model answered 503", TRIES, list(PAUSES_S))


@pytest.mark.parametrize(
    "error", [ModelError("the model answered 500", status=500, said="x"), AwsError("AWS did not answer")]
)
def test_an_error_is_a_failed_request(error: Exception) -> None:
    result, runtime = judged(fails(error))
    assert (result.passed, result.reason, runtime.asked) == (False, str(error), 1)


def test_another_releases_answer_proves_nothing() -> None:
    own: list[Runtime] = []
    result, _ = judged(says(own, release=NEXT_RELEASE), own=own)
    assert (result.passed, result.reason) == (False, f"release {NEXT_RELEASE} answered it")
    again: list[Runtime] = []
    result, _ = judged(says(again, release=NEXT_RELEASE), says(again), own=again)
    assert result.passed


def test_an_image_that_names_no_release_is_believed() -> None:
    own: list[Runtime] = []
    result, _ = judged(says(own, release=""), own=own)
    assert result.passed


def test_all_requests_together_have_a_limit() -> None:
    own: list[Runtime] = []
    result, runtime = judged(says(own, ms=500_000), own=own)
    assert (result.passed, runtime.asked) == (False, 2)
    assert "all golden requests together took over 900 s" in str(result.reason)
