"""Random policies: how they are written never matters, and what IAM's evaluator newly allows is always told."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from glue.iam import PolicySet, Request, evaluate, parse_policy
from glue.iam.wildcards import matcher, tokens_of
from glue.review.access.callers import itself
from glue.review.access.globs import TooManyError
from glue.review.access.judging import Change, of_identity, of_resource
from glue.review.access.statements import Rule, read_document
from tests.iam.strategies import (
    ACTIONS,
    HOME,
    RESOURCES,
    SESSION,
    USER,
    contexts,
    documents,
    parsed,
    people,
    statements,
)
from tests.review.access_estate import allow, grade, identity, policy, texts

EVERYTHING = parse_policy(policy(allow("*")), name="all")
MANY = settings(max_examples=40, deadline=None)
Document = dict[str, Any]
requests = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.sampled_from([*RESOURCES, "*"]), contexts), min_size=4, max_size=8
)


def rules_of(document: Document) -> tuple[Rule, ...]:
    return read_document(json.dumps(document)).rules


def identities(before: Document, after: Document, arn: str | None = USER.arn) -> Change:
    try:
        return of_identity((rules_of(before),), (rules_of(after),), itself(arn), {})
    except TooManyError:
        assume(False)  # it is told as not to be judged
        raise


@st.composite
def rewritten(draw: st.DrawFn, document: Document) -> Document:
    """Return the same policy, cut apart and shuffled."""
    found: list[Document] = []
    for statement in document["Statement"]:
        pieces = [dict(statement)]
        for element in ("Action", "Resource"):
            if element in statement and draw(st.booleans()):
                pieces = [piece | {element: one} for piece in pieces for one in statement[element]]
        found += pieces
    for statement in found:
        for element in ("Action", "NotAction"):
            if isinstance(statement.get(element), list):
                statement[element] = [
                    draw(st.sampled_from([one, one.upper()])) for one in draw(st.permutations(statement[element]))
                ]
    return document | {"Statement": draw(st.permutations(found))}


@MANY
@given(documents(), st.data())
def test_a_rewritten_policy_changes_nothing(document: Document, data: st.DataObject) -> None:
    change = identities(document, data.draw(rewritten(document)))
    assert (change.gained, change.lost) == ((), ())


@MANY
@given(documents(), documents(), st.data())
def test_how_both_are_written_does_not_matter(before: Document, after: Document, data: st.DataObject) -> None:
    plain = identities(before, after)
    other = identities(data.draw(rewritten(before)), data.draw(rewritten(after)))
    for one, two in ((plain.gained, other.gained), (plain.lost, other.lost)):
        assert [(told.actions, told.resources, told.ways, told.until) for told in one] == [
            (told.actions, told.resources, told.ways, told.until) for told in two
        ]


@settings(max_examples=80, deadline=None)
@given(documents(), documents(), requests)
def test_what_the_evaluator_newly_allows_is_told(before: Document, after: Document, asked: Any) -> None:
    old, new = parsed(before), parsed(after)
    change = identities(before, after)
    for action, resource, context in asked:
        request = Request(USER, action, resource, context, HOME)
        was, now = (evaluate(request, PolicySet(identity=(one,))).allowed for one in (old, new))
        if was != now:
            told = change.gained if now else change.lost
            assert any(_names(one, action, resource) for one in told), (action, resource, context, told)


def _names(told: Any, action: str, resource: str) -> bool:
    actions = any(matcher(tokens_of(one.lower()))(action.lower()) for one in told.actions)
    return actions and any(matcher(tokens_of(one))(resource) for one in told.resources)


@MANY
@given(documents(), documents(), documents(), requests)
def test_so_it_is_within_boundaries(before: Document, after: Document, boundary: Document, asked: Any) -> None:
    old, new, bound = parsed(before), parsed(after), parsed(boundary)
    try:
        around = rules_of(boundary)
        same = of_identity((rules_of(before), around), (rules_of(after), around), itself(USER.arn), {})
        gone = of_identity((rules_of(after), around), (rules_of(after),), itself(USER.arn), {})
    except TooManyError:
        assume(False)
    for action, resource, context in asked:
        request = Request(USER, action, resource, context, HOME)
        was, now = (evaluate(request, PolicySet(identity=(one,), boundary=bound)).allowed for one in (old, new))
        free = evaluate(request, PolicySet(identity=(new,))).allowed
        assert not (now and not was) or same.gained
        assert not (was and not now) or same.lost
        assert not (free and not now) or gone.gained


@settings(max_examples=80, deadline=None)
@given(documents(principal=True), documents(principal=True), st.lists(people, min_size=3, max_size=6), requests)
def test_so_it_is_for_policies_of_resources(before: Document, after: Document, callers: Any, asked: Any) -> None:
    old, new = parsed(before), parsed(after)
    try:
        changes = {
            kind: of_resource(rules_of(before), rules_of(after), kind=kind, own=HOME, spelling={})
            for kind in ("key", "default")
        }
    except TooManyError:
        assume(False)
    for caller in callers:
        for action, resource, context in asked:
            request = Request(caller, action, resource, context, HOME)
            for kind, change in changes.items():
                sets = (PolicySet(identity=(EVERYTHING,), resource=(one,), kind=kind) for one in (old, new))  # type: ignore[arg-type]
                was, now = (evaluate(request, one).allowed for one in sets)
                assert not (now and not was) or change.gained or change.undenied, (caller, action, resource, context)
                assert not (was and not now) or change.lost or change.denied, (caller, action, resource, context)


@MANY
@given(documents(), statements(principal=False, effect="Allow"), requests)
def test_one_more_allow_that_lets_in_more_is_at_least_high(document: Document, more: Document, asked: Any) -> None:
    before, after = document, document | {"Statement": [*document["Statement"], more]}
    old, new = parsed(before), parsed(after)
    allowed = [
        [
            evaluate(Request(SESSION, action, resource, context, HOME), PolicySet(identity=(one,))).allowed
            for one in (old, new)
        ]
        for action, resource, context in asked
    ]
    part = identity(json.dumps(before), json.dumps(after))
    if [False, True] in allowed:
        assert grade(part) in ("high", "forbidden")
        assert texts(part, gained=True) or grade(part) == "forbidden"
    assert texts(part, gained=False) == []
