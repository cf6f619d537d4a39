"""The watch beside a deployment: when it asks, when it aborts, when it stops, and that it never breaks anything."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from glue import releases
from glue.aws.runtime import Answer, ModelError
from glue.console import Console
from glue.core.environment import Environment
from glue.core.golden import GoldenRequest
from glue.core.revision import Asynchronous, Revisions, Serverless
from glue.core.watch import Question
from glue.errors import AccessDeniedError, AwsError, NotFoundError
from glue.watching import Asking, Pace, Watch
from glue.workspace import Stack
from tests.unit.revision_support import NEXT_RELEASE, RELEASE, history, revision

QA = Environment(name="qa", account_id="222222222222", region="eu-west-1")
STACK = Stack(QA, "serving", "ranker")
ENDPOINT = "slipway-qa-ranker"
ONE = history(revision(1))
TWO = history(revision(1), revision(1, release=NEXT_RELEASE))
SERVERLESS = revision(1, release=NEXT_RELEASE, serverless=Serverless(2048, 5))
LATER = replace(revision(1, release=NEXT_RELEASE), asynchronous=Asynchronous("s3://b/out", "s3://b/failed"))
GOLDEN = (
    GoldenRequest("one", "a/b", "a/b", b"1", 1, latency_ms=50),
    GoldenRequest("two", "a/b", "a/b", b"2", 2),
)


@dataclass
class State:
    status: str
    pending_config: str | None = None


@dataclass
class World:
    """SageMaker, its runtime and CloudWatch in memory, on a clock that only waiting and answering move."""

    answer: Callable[[bytes], tuple[str | None, bytes]] = lambda body: (NEXT_RELEASE, body)
    statuses: list[State] = field(default_factory=list)  # one for each look; the last stays
    took_s: float = 0.0
    seconds: float = 0.0
    ends_after: float = 1000.0
    asked: list[tuple[bytes, str | None]] = field(default_factory=list)
    data: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    rolls_back: bool = True
    environment = QA

    @property
    def sagemaker(self) -> World:
        return self

    @property
    def runtime(self) -> World:
        return self

    @property
    def cloudwatch(self) -> World:
        return self

    def artifacts(self) -> World:
        return self

    def endpoint(self, name: str) -> State:
        assert name == ENDPOINT
        if self.data and self.rolls_back:
            return State("RollingBack", config(TWO))
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def invoke(self, endpoint: str, body: bytes, *, variant: str | None, **_: str) -> Answer:
        assert endpoint == ENDPOINT
        self.asked.append((body, variant))
        self.seconds += self.took_s
        release, text = self.answer(body)
        return Answer(text, "a/b", "main", attributes=f"slipway-release={release}" if release else "")

    def put(self, namespace: str, metric: str, *, dimensions: dict[str, str]) -> None:
        self.data.append((namespace, metric, dimensions))

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.seconds += seconds
        return self.seconds >= self.ends_after

    def clock(self) -> float:
        return self.seconds


def config(revisions: Revisions) -> str:
    return f"{ENDPOINT}-{revisions.live}-0a1b2c3d"


@pytest.fixture
def world() -> World:
    return World(statuses=[State("Updating", config(TWO))])


def asking(world: World, *, target: bool = False, pace: Pace | None = None) -> Asking:
    asked = [Question("main", NEXT_RELEASE, one) for one in GOLDEN]
    session: Any = world
    return Asking(
        session,
        ENDPOINT,
        str(TWO.live),
        asked,
        target=target,
        pace=pace or Pace(),
        said=lambda text: None,
        wait=world.wait,
        clock=world.clock,
    )


def test_it_asks_until_the_new_release_has_answered_each(world: World) -> None:
    turn = iter([RELEASE] * 5 + [NEXT_RELEASE] * 2)
    world.answer = lambda body: (next(turn), body)
    watch = asking(world)
    watch.run()
    assert (watch.verdict.state, watch.verdict.asked, watch.verdict.answered) == ("passed", 7, 2)
    assert world.data == []
    assert {variant for _, variant in world.asked} == {None}


def test_it_waits_for_this_very_deployment(world: World) -> None:
    other = State("Updating", f"{ENDPOINT}-r9-00000000-0a1b2c3d")
    world.statuses = [State("InService"), other, State("Updating", config(TWO))]
    watch = asking(world)
    watch.run()
    assert watch.verdict.state == "passed"
    assert world.waits[:2] == [Pace().look_s] * 2
    # asked only once the deployment was this one
    assert len(world.asked) == 2


def test_a_deployment_that_ends_before_it_begins_was_not_seen(world: World) -> None:
    world.statuses, world.ends_after = [State("InService")], 10.0
    watch = asking(world)
    watch.run()
    assert (watch.verdict.state, world.asked) == ("unseen", [])


def test_a_wrong_answer_of_the_new_release_aborts(world: World) -> None:
    world.answer = lambda body: (NEXT_RELEASE, b'"nonsense"')
    watch = asking(world)
    watch.run()
    assert watch.verdict.aborted
    assert "$ is 'nonsense', not 1" in str(watch.verdict.reason)
    assert world.data == [("Slipway/Deployments", "Abort", {"EndpointName": ENDPOINT})]
    assert len(world.asked) == 1


def test_wrong_answers_of_the_old_release_abort_nothing(world: World) -> None:
    world.answer, world.ends_after = lambda body: (RELEASE, b'"nonsense"'), 60.0
    watch = asking(world)
    watch.run()
    assert (watch.verdict.state, world.data) == ("unseen", [])


def test_a_failure_is_no_abort_when_nothing_listens(world: World) -> None:
    world.answer, world.rolls_back = lambda body: (NEXT_RELEASE, b"9"), False
    watch = asking(world)
    watch.run()
    assert (watch.verdict.failed, watch.verdict.aborted) == (True, False)
    # every five seconds, for five minutes
    assert 55 <= len(world.data) <= 61


def test_an_abort_that_is_denied_is_said_beside_the_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise AccessDeniedError("AWS denied cloudwatch:PutMetricData")

    monkeypatch.setattr(world, "put", denied, raising=False)
    world.answer = lambda body: (NEXT_RELEASE, b"9")
    watch = asking(world)
    watch.run()
    assert str(watch.verdict.reason).endswith("(the abort failed: AWS denied cloudwatch:PutMetricData)")


def test_the_variant_is_named_where_there_are_several(world: World) -> None:
    asking(world, target=True).run()
    assert {variant for _, variant in world.asked} == {"main"}


def test_it_asks_a_few_times_a_second_and_less_after_a_while(world: World) -> None:
    world.answer, world.ends_after = lambda body: (RELEASE, body), 200.0
    asking(world).run()
    pace = Pace()
    assert set(world.waits) == {pace.ask_s, pace.slow_ask_s}
    assert len(world.asked) < pace.slow_after + 200


def test_it_stops_asking_when_the_deployment_rolls_back_or_ends(world: World) -> None:
    world.answer = lambda body: (RELEASE, body)
    for status in ("RollingBack", "InService"):
        world.statuses = [State("Updating", config(TWO))] * 2 + [State(status, config(TWO))]
        world.asked.clear()
        world.seconds, world.ends_after = 0.0, 60.0
        asking(world).run()
        assert 0 < len(world.asked) < 30


def test_while_autoscaling_is_at_work_it_waits_for_the_deployment(world: World) -> None:
    ours = State("Updating", config(TWO))
    world.answer = lambda body: (RELEASE if world.seconds < 30 else NEXT_RELEASE, body)
    world.statuses = [State("Updating"), ours, State("Updating"), State("InService"), *[ours] * 100]
    watch = asking(world)
    watch.run()
    assert watch.verdict.state == "passed"
    assert world.waits[0] == Pace().look_s


def test_throttling_backs_off_and_gives_up_without_an_abort(world: World) -> None:
    def throttled(body: bytes) -> tuple[str | None, bytes]:
        raise AwsError("AWS throttled it")

    world.answer = throttled
    watch = asking(world)
    watch.run()
    assert (watch.verdict.state, watch.verdict.reason) == ("unseen", "AWS throttled it")
    assert set(world.waits) == {Pace().back_off_s}
    assert len(world.asked) == Pace().give_up
    assert world.data == []


def test_now_and_then_an_error_is_no_reason_to_give_up(world: World) -> None:
    turn = iter(range(1000))

    def flaky(body: bytes) -> tuple[str | None, bytes]:
        if next(turn) < Pace().give_up - 1:
            raise AwsError("AWS did not answer")
        return NEXT_RELEASE, body

    world.answer = flaky
    watch = asking(world)
    watch.run()
    assert (watch.verdict.state, watch.verdict.reason) == ("passed", None)


def test_what_may_not_be_asked_is_said(world: World) -> None:
    def denied(body: bytes) -> tuple[str | None, bytes]:
        raise AccessDeniedError("AWS denied sagemaker:InvokeEndpoint")

    world.answer = denied
    watch = asking(world)
    watch.run()
    assert (watch.verdict.reason, len(world.asked)) == ("AWS denied sagemaker:InvokeEndpoint", 1)


@pytest.mark.parametrize(("release", "state"), [(NEXT_RELEASE, "failed"), (RELEASE, "unseen")])
def test_a_containers_error_counts_when_it_says_whose_it_is(world: World, release: str, state: str) -> None:
    def explode(body: bytes) -> tuple[str | None, bytes]:
        raise ModelError("the model answered 500", status=500, said=f'{{"error": {{"release": "{release}"}}}}')

    world.answer, world.ends_after = explode, 30.0
    watch = asking(world)
    watch.run()
    assert (watch.verdict.state, bool(world.data)) == (state, state == "failed")


def test_a_bug_in_the_watch_is_a_reason_and_no_crash(world: World) -> None:
    world.answer = lambda body: (NEXT_RELEASE, None)  # type: ignore[return-value]
    world.statuses = []
    watch = asking(world)
    watch.run()
    assert str(watch.verdict.reason).startswith("the watch broke: IndexError")


# beside a deployment, in its thread


@pytest.fixture
def golden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "load_release", lambda bucket, release: release)
    monkeypatch.setattr(releases, "load_golden", lambda loaded: GOLDEN)


def watch_of(world: World, pace: Pace | None = None) -> Watch:
    session: Any = world
    return Watch(session, console=Console(environ={}), pace=pace)


def test_the_thread_ends_with_the_deployment(world: World, golden: None) -> None:
    world.statuses = [State("InService")]
    with watch_of(world, Pace(look_s=100.0)).during(STACK, ONE, TWO) as watched:
        assert [one.name for one in threading.enumerate() if one.name.startswith("watch")] == [
            "watch qa/serving/ranker"
        ]
    assert not [one for one in threading.enumerate() if one.name.startswith("watch")]
    assert (watched.verdict.state, world.asked) == ("unseen", [])


def test_its_verdict_is_there_when_the_deployment_ends(world: World, golden: None) -> None:
    answered = threading.Event()

    def answer(body: bytes) -> tuple[str | None, bytes]:
        if body == b"2":
            answered.set()
        return NEXT_RELEASE, body

    world.answer = answer
    with watch_of(world, Pace(ask_s=0.0)).during(STACK, ONE, TWO) as watched:
        assert answered.wait(5)
    assert watched.verdict.state == "passed"


def test_an_error_of_the_deployment_passes_and_ends_the_watch(world: World, golden: None) -> None:
    world.statuses = [State("InService")]
    with pytest.raises(AwsError), watch_of(world).during(STACK, ONE, TWO):
        raise AwsError("terraform failed")
    assert not [one for one in threading.enumerate() if one.name.startswith("watch")]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (replace(TWO, live=None), TWO, "it is the first deployment"),
        (ONE, history(revision(1), LATER), "answers in S3 do not say which release gave them"),
        (ONE, history(revision(1), SERVERLESS), "SageMaker moves serverless variants in one step"),
        (TWO, TWO.back(str(ONE.live)), "it is a way back"),
        (ONE, ONE, "no variant gets another release with golden requests"),
        (ONE, ONE.add(revision(5), created="x"), "no variant gets another release with golden requests"),
    ],
)
def test_where_nothing_can_be_told_apart_nothing_is_asked(
    world: World, golden: None, before: Revisions, after: Revisions, reason: str
) -> None:
    with watch_of(world).during(STACK, before, after) as watched:
        assert not [one for one in threading.enumerate() if one.name.startswith("watch")]
    assert (watched.verdict.state, watched.verdict.reason) == ("skipped", reason)


def test_a_release_that_cannot_be_read_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(bucket: object, release: str) -> None:
        raise NotFoundError(f"release {release} is not in the bucket")

    monkeypatch.setattr(releases, "load_release", gone)
    with watch_of(world).during(STACK, ONE, TWO) as watched:
        pass
    assert watched.verdict.reason == f"release {NEXT_RELEASE} is not in the bucket"
