"""Which weights the next revision takes over, what they come to, and which are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from glue.core import weights
from glue.core.revision import Revision
from glue.core.serving import EndpointSettings
from glue.errors import UsageError
from tests.unit.revision_support import settings, variant


def asked(variants: Mapping[str, int], shadows: Mapping[str, int] | None = None) -> EndpointSettings:
    entry = settings().variants["main"]
    return replace(
        settings(),
        variants={name: replace(entry, weight=weight) for name, weight in variants.items()},
        shadow_variants={name: replace(entry, weight=weight) for name, weight in (shadows or {}).items()},
    )


def live(variants: Mapping[str, int], shadows: Mapping[str, int] | None = None) -> Revision:
    return Revision(
        variants={name: variant(weight=weight) for name, weight in variants.items()},
        shadow_variants={name: variant(weight=weight) for name, weight in (shadows or {}).items()},
    )


@pytest.mark.parametrize(
    ("file", "before", "expected"),
    [
        (asked({"main": 3}), None, {"main": 3}),
        (asked({"main": 3}), live({"main": 1}), {"main": 3}),  # alone, a weight says nothing
        (asked({"main": 1, "b": 1}), live({"main": 90}), {"main": 1, "b": 1}),
        (asked({"main": 1, "b": 1}), live({"main": 90, "b": 10}), {"main": 90, "b": 10}),
        (asked({"main": 1, "c": 5}), live({"main": 90, "b": 10}), {"main": 90, "c": 5}),
        (asked({"main": 1}), live({"main": 90, "b": 10}), {"main": 1}),
        (asked({"b": 2, "c": 0}), live({"main": 100, "b": 0}), {"b": 2, "c": 0}),  # all 0 would serve nobody
        (asked({"main": 1}, {"dark": 1}), live({"main": 90}), {"main": 1, "dark": 1}),
        (asked({"main": 1}, {"dark": 1}), live({"main": 4}, {"dark": 2}), {"main": 4, "dark": 2}),
        (asked({"main": 1}, {"b": 1}), live({"main": 90, "b": 10}), {"main": 1, "b": 1}),  # it became a shadow
        (asked({"main": 1, "dark": 1}), live({"main": 4}, {"dark": 2}), {"main": 1, "dark": 1}),  # it came to light
    ],
)
def test_live_weights_are_kept_where_they_mean_something(
    file: EndpointSettings, before: Revision | None, expected: dict[str, int]
) -> None:
    assert weights.carried(file, before) == expected


def test_a_weight_in_the_file_that_does_not_count_is_explained() -> None:
    file = asked({"main": 1, "b": 10})
    (line,) = weights.notes(file, weights.carried(file, live({"main": 90, "b": 10})))
    assert line.startswith("weight of main stays 90: 1 in the file was for its first revision")
    assert "slipway traffic --endpoint ranker --set main=" in line
    assert weights.notes(file, {"main": 1, "b": 10}) == ()


def test_shares_are_of_the_requests_and_a_shadows_of_its_variants() -> None:
    assert weights.shares(live({"main": 3, "b": 1})) == {"main": 0.75, "b": 0.25}
    assert weights.shares(live({"main": 4}, {"dark": 2})) == {"main": 1.0, "dark": 0.5}
    assert weights.percent(1 / 3) == "33.33 %"


@pytest.mark.parametrize(
    ("revision", "reason"),
    [
        (live({"main": 0, "b": 0}), "no variant takes any request"),
        (live({"main": -1, "b": 2}), "weight -1 of main is not from 0 to 1000000"),
        (live({"main": 1_000_001}), "is not from 0 to"),
        (live({"main": 1}, {"dark": 2}), "weight 2 of the shadow dark is not from 1 to 1"),
        (live({"main": 1}, {"dark": 0}), "weight 0 of the shadow dark"),
    ],
)
def test_weights_that_nobody_would_take_are_refused(revision: Revision, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        weights.check(revision)
