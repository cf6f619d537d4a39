"""The report: what is unknown stays unknown, names do no harm, thousands of jobs take no time."""

from __future__ import annotations

import json
import random
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core.training.words import Status
from glue.core.training_charts import Serie, bars, columns, lines
from glue.core.training_facts import Attempt, attempts_of, billing_document, billing_key, fact_of
from glue.core.training_page import page
from glue.core.training_report import (
    Known,
    cells,
    cost_text,
    figures,
    known_text,
    percentile,
    report,
    saving_text,
    share_text,
)
from glue.errors import UsageError
from glue.training_times import moment, text

NOW = 1_795_290_000_000  # 2026-11-21T19:40:00Z
DAY = 86_400_000


def item(number: int = 0, **changes: Any) -> dict[str, object]:
    found = {
        "JobId": f"job-{number}",
        "JobStatus": "Completed",
        "owner": "search-team",
        "model": "ranker",
        "kind": "training",
        "purchase": "on-demand",
        "attempt": 1,
        "submitted_at": NOW - DAY,
        "first_launched_at": NOW - DAY + 60_000,
        "started_at": NOW - DAY + 180_000,
        "cost_usd": 0.5,
    }
    return {name: value for name, value in {**found, **changes}.items() if value is not None}


def test_the_figures_of_a_few_jobs() -> None:
    facts = [
        fact_of(item(1)),
        fact_of(item(2, JobStatus="Failed", attempt=3, cost_usd=None, reason="CapacityError")),
        fact_of(item(3, JobStatus="Stopped", started_at=None, cost_usd=None, attempt=0)),
        fact_of(item(4, JobStatus="New", started_at=None, first_launched_at=None, cost_usd=None, attempt=0)),
        fact_of(item(5, purchase="spot", spot_attempts=1, started_at=NOW - DAY + 600_000)),
    ]
    found = figures("all", facts)
    assert found.jobs == 5
    assert (found.success, found.open, found.retries, found.retried) == (2 / 3, 1, 2, 1)
    assert found.waiting_p50 == Known(180.0, 3, 5)
    assert found.waiting_p95 == Known(600.0, 3, 5)
    assert found.queued_p50.value == 60.0
    assert found.cost == Known(1.0, 2, 3)  # what was never launched costs nothing
    assert found.saving == Known(None, 0, 1)
    assert cells(found)[5:] == ("66 %", "3 min", "10 min", "unknown", "1.00 + 1 unknown", "2")
    assert figures("none", []).success is None
    assert cells(figures("none", [])) == ("0", "0", "0", "0", "0", "-", "-", "-", "-", "-", "0")


def test_the_saving_is_awss_own_and_of_spot_attempts_only() -> None:
    bill = billing_document("a", (Attempt("a-1", True, 1000, 300, 0.1), Attempt("a-2", False, 500, 500, 0.2)))
    fact = fact_of(item(purchase="on-demand", spot_attempts=1, attempt=2, cost_usd=None), bill)
    assert figures("x", [fact]).saving == Known(0.7, 1, 1)
    assert fact.cost == pytest.approx(0.3)
    # one attempt is missing, or has no price: the whole is unknown
    part = billing_document("a", (Attempt("a-1", True, 1000, 300, 0.1),))
    assert fact_of(item(spot_attempts=1, attempt=2, cost_usd=None), part).cost is None
    dear = billing_document("a", (Attempt("a-1", True, 1000, 300, None),))
    assert fact_of(item(spot_attempts=1, cost_usd=None), dear).cost is None
    # what the queue knows itself needs no settling
    own = fact_of(item(purchase="spot", training_seconds=100, billable_seconds=40))
    assert figures("x", [own]).saving == Known(0.6, 1, 1)
    # a tuning is billed by its trainings: nobody can settle it
    assert figures("x", [fact_of(item(purchase="spot", kind="tuning"))]).saving == Known(None, 0, 0)
    # settled, and nothing of it trained
    idle = fact_of(item(purchase="spot"), billing_document("a", (Attempt("a-1", True, 0, 0),)))
    assert saving_text(figures("x", [idle]).saving) == "-"


@pytest.mark.parametrize(
    "bill", [None, {}, {"attempts": 5}, {"attempts": [5]}, {"attempts": [{"training_seconds": -1}]}]
)
def test_a_bill_that_is_none_is_unknown(bill: Any) -> None:
    assert attempts_of(bill) is None


def test_a_bill_lies_in_its_week() -> None:
    assert billing_key("a", NOW) == "training-billing/2026-W47/a.json"


@pytest.mark.parametrize("broken", [{}, {"JobId": 5, "submitted_at": 1}, {"JobId": "a"}, item(JobStatus="Lost")])
def test_what_is_no_record_is_not_a_fact(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"it has no JobId|Lost"):
        fact_of(broken)


def test_groups_series_and_reasons() -> None:
    facts = [fact_of(item(n, owner=f"o{n % 3}", submitted_at=NOW - n * DAY)) for n in range(60)]
    facts += [fact_of(item(90 + n, JobStatus="Failed", reason=f"reason {n % 7}")) for n in range(20)]
    found = report(facts, environment="dev", since=NOW - 40 * DAY, until=NOW + 1, by="owner")
    assert found.total.jobs == 61
    assert [one.name for one in found.groups] == ["search-team", "o0", "o1", "o2"]
    assert [one.name for one in found.series] == [f"2026-W{week}" for week in range(42, 48)]
    assert sum(one.jobs for one in found.series) == 61
    assert found.reasons[0] == ("reason 0", 3)
    assert len(found.reasons) == 5
    weekly = report(facts, environment="dev", since=NOW - 40 * DAY, until=NOW + 1, by="week")
    assert [one.name for one in weekly.groups] == sorted(one.name for one in weekly.groups)
    days = report(facts, environment="dev", since=NOW - 9 * DAY, until=NOW + 1, by="model")
    assert [one.name for one in days.series] == [f"2026-11-{day}" for day in range(12, 22)]
    hours = report(facts, environment="dev", since=NOW - 2 * DAY + 1, until=NOW + 1, by="model")
    assert [one.name for one in hours.series][::24] == ["2026-11-20 19h", "2026-11-21 19h"]
    assert sum(one.jobs for one in hours.series) == hours.total.jobs == 22
    turn = report([], environment="dev", since=1_798_000_000_000, until=1_802_000_000_000, by="week")
    assert [one.name for one in turn.series][:4] == ["2026-W52", "2026-W53", "2027-W01", "2027-W02"]


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_percentile_is_one_of_the_values(values: list[float]) -> None:
    ordered = sorted(values)
    found = [percentile(ordered, share) for share in (0.0, 0.5, 0.95, 1.0)]
    assert all(value in ordered for value in found)
    assert found == sorted(found)  # type: ignore[type-var]
    assert found[-1] == ordered[-1]


def test_texts() -> None:
    assert [share_text(value) for value in (None, 0.0, 0.9999, 1.0, 0.29)] == ["-", "0 %", "99 %", "100 %", "29 %"]
    assert known_text(Known(None, 0, 3), "x") == "unknown"
    assert known_text(Known(5.0, 2, 3), "5") == "5 + 1 unknown"
    assert [cost_text(Known(value, 1, 1)) for value in (0.0, 0.004, 0.005, 12345.6)] == [
        "0.00",
        "< 0.01",
        "0.01",
        "12,345.60",
    ]


# the page


class Reader(HTMLParser):
    """Collects tags, attributes and texts, and refuses tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: set[str] = set()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='x",
    "\x1b[31mred\u202e",
    "a|b\nc",
    "x" * 500,
)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def test_names_do_no_harm_and_nothing_is_fetched() -> None:
    facts = [
        fact_of(item(n, owner=name, model=name, reason=name, JobStatus="Failed" if n % 2 else "Completed"))
        for n, name in enumerate(HOSTILE * 3)
    ]
    for by in ("owner", "model", "week"):
        html = page(report(facts, environment="dev", since=NOW - 9 * DAY, until=NOW, by=by), made=NOW)
        reader = read(html)
        assert not {"script", "img", "link", "iframe", "object", "a"} & set(reader.tags)
        assert not {name for name in reader.attributes if name.startswith("on") or name in {"src", "href"}}
        assert "http-equiv" in reader.attributes
        assert "\x1b" not in html
        assert "\u202e" not in html
        assert "url(" not in html
        assert "default-src 'none'" in html
    assert "<script>alert(1)</script>" in reader.texts or by == "week"


def test_every_chart_has_its_table_and_a_name() -> None:
    facts = [fact_of(item(n, purchase="spot" if n % 2 else "on-demand")) for n in range(50)]
    html = page(report(facts, environment="dev", since=NOW - 60 * DAY, until=NOW, by="owner"), made=NOW)
    reader = read(html)
    assert reader.tags.count("table") == 3
    assert html.count('role="img" aria-label="') == 6
    assert "prefers-color-scheme: dark" in html
    assert "1 records could not" not in html
    empty = page(report([], environment="dev", since=NOW - DAY, until=NOW, by="owner", unreadable=2), made=NOW)
    assert "2 records could not be read" in empty
    assert read(empty).tags.count("table") == 3


def test_unknown_values_have_no_bar_and_no_point() -> None:
    drawn = bars("x", [("a", None, "unknown"), ("b", 0.5, "50 %")], colour="completed", top=1)
    assert (drawn.count("<rect"), drawn.count("unknown")) == (1, 1)
    line = lines(
        "x", ["a", "b", "c"], [Serie("p50", "open", [1.0, None, 3.0])], text=str, ceiling=lambda most: most or 1
    )
    assert (line.count("<circle"), line.count("<polyline")) == (2, 2)
    assert "<rect" not in columns("x", ["a"], [Serie("p", "open", [0])]).partition("<ul")[0]


def test_five_thousand_jobs_take_less_than_a_second() -> None:
    draw = random.Random(5)  # noqa: S311
    items = [
        item(
            n,
            owner=f"team-{draw.randrange(40)}",
            JobStatus=draw.choice([str(status) for status in Status]),
            submitted_at=NOW - draw.randrange(60 * DAY),
            purchase=draw.choice(["spot", "on-demand"]),
        )
        for n in range(5000)
    ]
    began = time.process_time()
    found = report([fact_of(one) for one in items], environment="dev", since=NOW - 60 * DAY, until=NOW, by="owner")
    html = page(found, made=NOW)
    json.dumps(found.as_json())
    assert time.process_time() - began < 1.0  # 0.1 s on an idle machine
    assert found.total.jobs == 5000
    assert len(html) < 200_000


# times


def test_times_as_people_give_them() -> None:
    assert moment("7d", "--since", now=NOW) == NOW - 7 * DAY
    assert moment("2026-11-21", "--since", now=NOW) == moment("2026-11-21T00:00:00Z", "--since", now=NOW)
    assert text(moment("2026-11-21T20:00:00+02:00", "--since", now=NOW)) == "2026-11-21T18:00:00Z"
    assert moment("9999-01-01", "--until", now=NOW) == NOW + DAY
    assert text(None) == "-"
    for wrong in ("soon", "7y", "", "0001-01-01T00:00:00+23:00", "99999w", "2016-12-31"):
        with pytest.raises(UsageError, match="is not a time"):
            moment(wrong, "--since", now=NOW)
