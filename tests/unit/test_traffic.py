"""Traffic between variants: what is shown of it, and the revision that shifts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core import metrics, traffic
from glue.core.described import Endpoint, VariantState
from glue.core.metrics import VariantMetrics
from glue.core.revision import Revision, Revisions, content_of
from glue.core.serving import Bounds, EndpointSettings
from glue.core.truth import Live
from glue.errors import RefusedError, UsageError
from tests.unit.revision_support import NEXT_RELEASE, RELEASE, history, settings, variant


def ab(main: int = 90, challenger: int = 10, *, instances: int = 1) -> Revision:
    return Revision(
        variants={
            "main": variant(weight=main, initial_instance_count=instances),
            "challenger": variant(weight=challenger, release=NEXT_RELEASE),
        }
    )


def two_variants() -> EndpointSettings:
    entry = settings().variants["main"]
    return replace(settings(), variants={"main": entry, "challenger": entry})


def shift(revisions: Revisions, asked: dict[str, int], **changes: object):
    given = {"settings": two_variants(), "live_counts": {}, "created": "now"}
    return traffic.shift(revisions, asked, **{**given, **changes})  # type: ignore[arg-type]


def test_a_shift_is_the_live_content_under_other_weights() -> None:
    before = history(ab())
    rendered = shift(before, {"challenger": 50, "main": 50})
    assert rendered.action == "new"
    after = rendered.revisions.live_revision
    assert after is not None
    assert content_of(after) == content_of(ab(50, 50))
    assert after.replaces == before.live
    assert shift(rendered.revisions, {"main": 50}).action == "same"


def test_shifting_back_is_the_retained_revision() -> None:
    there = shift(history(ab()), {"main": 1}).revisions
    back = shift(there, {"main": 90})
    assert (back.action, back.live.startswith("r1-")) == ("moved", True)


@given(st.dictionaries(st.sampled_from(["main", "challenger"]), st.integers(0, 1_000_000), min_size=1))
def test_whatever_is_asked_the_weights_are_these_or_it_is_refused(asked: dict[str, int]) -> None:
    before = history(ab())
    try:
        after = shift(before, asked).revisions.live_revision
    except UsageError:
        assert {"main": 90, "challenger": 10} | asked == {"main": 0, "challenger": 0}
        return
    assert after is not None
    assert {n: v.weight for n, v in after.variants.items()} == {"main": 90, "challenger": 10} | asked


def test_a_shift_never_scales_in_and_stays_within_bounds() -> None:
    after = shift(history(ab()), {"main": 1}, live_counts={"main": 7, "challenger": 2}).revisions.live_revision
    assert after is not None
    assert {n: v.initial_instance_count for n, v in after.variants.items()} == {"main": 7, "challenger": 2}
    bounded = replace(two_variants(), autoscaling={"main": Bounds(1, 3)})
    after = shift(history(ab()), {"main": 1}, settings=bounded, live_counts={"main": 7}).revisions.live_revision
    assert after is not None
    assert after.variants["main"].initial_instance_count == 3


def test_what_cannot_be_shifted_is_refused() -> None:
    with pytest.raises(UsageError, match="has no variant blue, red") as caught:
        shift(history(ab()), {"red": 1, "blue": 1, "main": 1})
    assert caught.value.remedy == "Live: main, challenger. A new one begins in the endpoint's file."
    with pytest.raises(UsageError, match="no variant takes any request"):
        shift(history(ab()), {"main": 0, "challenger": 0})
    with pytest.raises(RefusedError, match="no live revision"):
        shift(Revisions(), {"main": 1})


def test_a_shift_that_failed_is_not_tried_again_by_accident() -> None:
    there = shift(history(ab()), {"main": 1}).revisions
    assert there.live is not None
    failed = there.fail(there.live, reason="5xx").move(min(there.revisions))
    with pytest.raises(RefusedError, match="5xx"):
        shift(failed, {"main": 1})
    assert shift(failed, {"main": 1}, retry=True).action == "moved"


def test_the_winner_is_what_its_variant_serves() -> None:
    assert traffic.winner_of(history(ab()), "challenger", settings=two_variants()) == NEXT_RELEASE
    dark = Revision(variants={"main": variant()}, shadow_variants={"dark": variant(release=NEXT_RELEASE)})
    assert traffic.winner_of(history(dark), "dark", settings=settings()) == NEXT_RELEASE
    with pytest.raises(UsageError, match="has no variant red"):
        traffic.winner_of(history(ab()), "red", settings=two_variants())
    other = replace(settings(), variants={"main": replace(settings().variants["main"], model="other")})
    with pytest.raises(UsageError, match="serves ranker, the model of challenger"):
        traffic.winner_of(history(ab()), "challenger", settings=other)


def test_too_much_for_few_instances_is_said_before() -> None:
    before = ab(90, 10, instances=9)
    counts = {"main": 9, "challenger": 1}
    (line,) = traffic.busier(before, ab(50, 50, instances=9), counts)
    assert line.startswith("each instance of challenger (1) would take 5.0 times the requests of the busiest now")
    assert traffic.busier(before, ab(86, 14, instances=9), counts) == ()


def live(**weights: float) -> Live:
    states = {name: VariantState(name, weight, weight, 1, 2) for name, weight in weights.items()}
    return Live(Endpoint("slipway-qa-ranker", "arn", "InService", "c", "", "", variants=states))


def test_the_table_has_wanted_live_and_observed_shares() -> None:
    seen = {"main": VariantMetrics(requests=80), "challenger": VariantMetrics(requests=20)}
    rows = traffic.table(ab(), live(main=90.0, challenger=10.0), seen)
    assert [
        (row.variant, row.release, row.share, row.live_share, row.observed_share, row.instances) for row in rows
    ] == [
        ("main", RELEASE, 0.9, 0.9, 0.8, 2),
        ("challenger", NEXT_RELEASE, 0.1, 0.1, 0.2, 2),
    ]
    assert not any(row.drifted for row in rows)
    rows = traffic.table(ab(), live(main=50.0, challenger=50.0), {})
    assert [(row.drifted, row.observed_share) for row in rows] == [(True, None), (True, None)]
    assert all(row.drifted for row in traffic.table(ab(), Live(), {}))


def test_metrics_are_added_up_and_latency_is_in_milliseconds() -> None:
    values = {field: () for field, _, _ in metrics.ASKED}
    assert metrics.variant_metrics(values) == VariantMetrics()
    values |= {
        "requests": (3.0, 1.0),
        "latency_sum": (4000.0,),
        "latency_count": (2.0,),
        "latency_p99": (3000.0, 2500.0),
    }
    found = metrics.variant_metrics(values)
    assert (found.requests, found.latency_mean, found.latency_p99) == (4.0, 2.0, 3.0)


@pytest.mark.parametrize(("text", "seconds", "period"), [("1m", 60, 60), ("90m", 5400, 5400), ("2d", 172_800, 86_400)])
def test_durations(text: str, seconds: int, period: int) -> None:
    found = metrics.duration(text)
    assert (found, metrics.period_s(found)) == (timedelta(seconds=seconds), period)


@pytest.mark.parametrize("text", ["", "1", "0m", "1w", "-1h", "1.5h", "16d", "999999m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        metrics.duration(text)
