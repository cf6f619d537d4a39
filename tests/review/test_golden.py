"""Real plans by real Terraform, and what a model owner must be told of each (expected.toml)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from glue.core.slim import slim
from glue.review.model import EndpointChange, Grade, Review
from scripts import review_examples
from tests.review.golden import DIFFERENT, EXPECTED, NAMES, document, review_of, reviewed

GATE = Grade.FORBIDDEN  # what `slipway review` refuses by default


def words(review: Review) -> str:
    """Return everything that the review says."""
    return repr((review.findings, review.endpoints, review.access, review.folded, review.drift, review.notes))


def test_every_plan_has_its_expectation_and_every_expectation_its_plan() -> None:
    assert sorted(EXPECTED) == NAMES
    assert len(NAMES) >= 40


@pytest.mark.parametrize("name", NAMES)
def test_grade_and_exit(name: str) -> None:
    found, wanted = reviewed(name), EXPECTED[name]
    least = Grade.of(wanted["grade"].removesuffix("+"))
    why = "\n".join(f"{one.grade.word} {one.rule} {one.resource}: {one.message}" for one in found.findings)
    assert found.grade >= least if wanted["grade"].endswith("+") else found.grade == least, why
    assert (3 if found.grade >= GATE else 0) == wanted.get("exit", 3 if found.grade >= GATE else 0), why
    assert {one.rule for one in found.findings} >= set(wanted.get("rules", ())), why
    if "exit" not in wanted and not wanted["grade"].endswith("+"):
        assert found.grade < GATE, why


@pytest.mark.parametrize("name", NAMES)
def test_words(name: str) -> None:
    found, wanted = reviewed(name), EXPECTED[name]
    text = words(found)
    assert not [word for word in wanted.get("says", ()) if word not in text], text
    assert not [word for word in wanted.get("silent", ()) if word in text]
    assert found.counts == found.counts | wanted.get("counts", {})
    assert len(found.drift) >= wanted.get("drift", 0), found.drift
    if "changes" in wanted:
        assert len(found.changes) == wanted["changes"], found.changes


@pytest.mark.parametrize("name", NAMES)
def test_access(name: str) -> None:
    access, wanted = reviewed(name).access, EXPECTED[name]
    for side, rights in (("gained", access.gained), ("lost", access.lost)):
        text = "\n".join(f"{right.who} {right.text} {' '.join(right.actions)}" for right in rights)
        expected = wanted.get(side)
        if expected == []:
            assert not rights, text
        assert not [word for word in expected or () if word not in text], text or f"nothing is {side}"
    assert any(right.public for right in access.gained) or not wanted.get("public"), access
    if not wanted.get("public"):
        assert not any(right.public for right in access.gained), access
    if "unjudged" in wanted:
        assert len(access.unjudged) >= wanted["unjudged"], access.unjudged
        assert wanted["unjudged"] or not access.unjudged, access.unjudged


@pytest.mark.parametrize("name", NAMES)
def test_endpoint_lines(name: str) -> None:
    lines = {line.endpoint: line for line in reviewed(name).endpoints}
    wanted: dict[str, dict[str, Any]] = EXPECTED[name].get("endpoints", {})
    needed = {endpoint for endpoint, facts in wanted.items() if not facts.get("optional")}
    assert needed <= set(lines) or name == "moved", sorted(lines)
    if "endpoints" in EXPECTED[name] and not name.startswith("plain-"):
        assert set(lines) <= set(wanted), sorted(lines)
    for endpoint, facts in wanted.items():
        if endpoint in lines:
            holds(lines[endpoint], facts)


def holds(line: EndpointChange, facts: dict[str, Any]) -> None:
    """Hold a line to what must be in it."""
    said = {
        "action": line.action,
        "from": line.before or "",
        "to": line.after or "",
        "traffic": line.traffic.kind,
        "one_line": line.rollback.one_line,
        "scales_in": bool(line.scales_in),
        "interrupts": bool(line.interrupts),
        "releases": [*line.releases_before, *line.releases_after],
        "known_cost": line.cost.after is not None,
    }
    assert {fact: said[fact] for fact in facts if fact in said} == {
        fact: value for fact, value in facts.items() if fact in said
    }, line
    assert {change.what for change in line.changes} >= set(facts.get("what", ())), line.changes
    if "difference" in facts:
        assert line.cost.difference == Decimal(facts["difference"]), line.cost
    if "difference_at_most" in facts:
        assert line.cost.difference is None or line.cost.difference <= facts["difference_at_most"], line.cost
    assert line.text, line


def test_the_page_of_examples_is_what_the_plans_show() -> None:
    assert review_examples.PAGE.read_text() == review_examples.page(), "run: python -m scripts.review_examples"


@pytest.mark.parametrize("name", DIFFERENT)
def test_without_its_secrets_a_plan_is_judged_alike(name: str) -> None:
    whole, found = reviewed(name), review_of(slim(document(name)))
    assert found.grade == whole.grade
    assert {(one.rule, one.resource) for one in found.findings} == {(one.rule, one.resource) for one in whole.findings}
    assert {(line.endpoint, line.action) for line in found.endpoints} == {
        (line.endpoint, line.action) for line in whole.endpoints
    }
    assert len(found.access.gained) == len(whole.access.gained)
