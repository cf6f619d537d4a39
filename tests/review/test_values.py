"""Nothing sensitive is in what a plan gives out, in any form; and plan strings become safe for one line."""

from __future__ import annotations

import copy
import json
import pickle
import time
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glue.review.model import Finding
from glue.review.resource import Resource
from glue.review.values import HIDDEN, Scrubber, Secret, conceal, plain
from tests.review.making import change, read, reviewed

WORD = "hunter22-secret"


def test_a_secret_shows_nothing_and_equals_its_like() -> None:
    secret = Secret(WORD)
    assert (str(secret), repr(secret), f"{secret:>20}", "%s" % secret) == (HIDDEN,) * 4  # noqa: UP031
    assert secret == Secret(WORD)
    assert secret != Secret("other")
    assert secret != WORD
    assert len({secret, Secret(WORD)}) == 1
    with pytest.raises(TypeError):
        json.dumps(secret)
    for copier in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            copier(secret)


@pytest.mark.parametrize(
    ("value", "marks", "shown"),
    [
        ({"a": WORD, "b": 1}, {"a": True}, {"a": HIDDEN, "b": 1}),
        ({"a": WORD}, True, {"a": HIDDEN}),
        ({"a": WORD}, [True], {"a": HIDDEN}),
        ({"a": WORD}, "true", {"a": HIDDEN}),
        ({"a": [{"b": WORD}, {"b": "x"}]}, {"a": [{"b": True}]}, {"a": [{"b": HIDDEN}, {"b": "x"}]}),
        ({"a": ["x"]}, {"a": [{}, {}]}, {"a": HIDDEN}),
        ({"a": None}, {"a": True}, {"a": None}),
        ({"a": "x"}, {"a": False}, {"a": "x"}),
        ({"a": "x"}, None, {"a": "x"}),
    ],
)
def test_marks_conceal_and_marks_that_do_not_fit_conceal_everything(value: Any, marks: Any, shown: Any) -> None:
    assert repr(conceal(value, marks, whole=False)) == repr(shown).replace(f"'{HIDDEN}'", HIDDEN)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "master_password",
        "MasterPassword_wo",
        "auth_token",
        "secret",
        "client_secret",
        "private_key",
        "private_key_pem",
        "user_data",
        "user_data_base64",
        "api_key",
        "secret_string",
        "password_v4",
        "connection_string",
        "credentials",
    ],
)
def test_a_telling_name_conceals_without_any_mark(name: str) -> None:
    assert WORD not in repr(conceal({name: WORD, "list": [{name: [WORD]}]}))


@pytest.mark.parametrize(
    "name", ["secret_arn", "kms_key_id", "http_tokens", "token_key_id", "manage_master_user_password_rotation_days"]
)
def test_names_of_things_that_are_no_secrets_stay(name: str) -> None:
    assert conceal({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"environment": {"KEY": WORD}}, "KEY"),
        ({"environment": [{"variables": {"KEY": WORD}}]}, "KEY"),
        ({"environment": [{"name": "KEY", "value": WORD}]}, "KEY"),
        ({"environment_variables": {"name": WORD}}, "name"),
        ({"primary_container": [{"environment": {"KEY": WORD}}]}, "KEY"),
        ({"secrets": [{"name": "KEY", "valueFrom": WORD}]}, "KEY"),
    ],
)
def test_an_environment_keeps_its_keys_and_no_value(value: Any, kept: str) -> None:
    shown = repr(conceal(value))
    assert kept in shown
    assert WORD not in shown


def test_tags_called_environment_stay_readable() -> None:
    assert conceal({"tags": {"environment": "qa"}}) == {"tags": {"environment": "qa"}}


def test_a_value_that_only_becomes_sensitive_does_not_change() -> None:
    entry = change("aws_x_y.a", "update", {"a": WORD, "b": 1}, {"a": WORD, "b": 2})
    entry["change"] |= {"before_sensitive": {}, "after_sensitive": {"a": True}}
    assert Resource(entry).changed() == (("b",),)


def test_secrets_from_every_part_of_a_plan_are_masked_wherever_they_leak() -> None:
    hidden = {
        name: f"{name}-{WORD}"
        for name in ("variable", "default", "before", "after", "output", "prior", "planned", "drifted")
    }
    resource = {"mode": "managed", "type": "aws_x_y", "name": "p", "sensitive_values": {"v": True}}
    plan = read(
        change("aws_x_y.a", "update", {"v": hidden["before"]}, {"v": hidden["after"]}, secret={"v": True}),
        change("aws_x_y.p", "no-op", {"v": hidden["planned"]}, {"v": hidden["planned"]}, secret={"v": True}),
        variables={"v": {"value": hidden["variable"]}},
        configuration={"root_module": {"variables": {"v": {"sensitive": True, "default": hidden["default"]}}}},
        output_changes={
            "o": {"actions": ["create"], "before": None, "after": hidden["output"], "after_sensitive": True}
        },
        prior_state={
            "values": {
                "root_module": {"resources": [{**resource, "address": "aws_x_y.p", "values": {"v": hidden["prior"]}}]}
            }
        },
        planned_values={
            "root_module": {"resources": [{**resource, "address": "aws_x_y.p", "values": {"v": hidden["planned"]}}]}
        },
        resource_drift=[change("aws_x_y.d", "update", {"v": hidden["drifted"]}, {"v": "x"}, secret={"v": True})],
    )
    for value in hidden.values():
        for form in (value, json.dumps(value), b64encode(value.encode()).decode(), f"a{value}b"):
            assert value not in plan.scrub(form)
            assert WORD not in plan.show(form)
    everything = [plan.variables, plan.outputs, dict(plan.prior), [one.after for one in plan.changes], repr(plan)]
    assert WORD not in repr(everything)


def test_an_unmarked_password_is_masked_where_it_leaks() -> None:
    plan = read(change("acme_db.a", "create", None, {"password": WORD, "url": f"db://me:{WORD}@host", "name": WORD}))
    assert plan.show(plan.changes[0].values["url"]) == f"db://me:{HIDDEN}@host"


def test_thousands_of_secrets_are_masked_quickly() -> None:
    scrub = Scrubber(f"secret-number-{number}" for number in range(5000))
    start = time.process_time()
    for _ in range(200):
        assert scrub("a line of a review that holds secret-number-4711 and more") != ""
    assert time.process_time() - start < 2


def test_lines_of_a_long_secret_are_masked_alone_and_short_ones_are_not() -> None:
    scrub = Scrubber(["-----BEGIN KEY-----\nabcdefghijkl\n-----END KEY-----", "abc", True, None, 12345678])
    assert scrub("x abcdefghijkl y abc true 12345678") == f"x {HIDDEN} y abc true {HIDDEN}"
    assert Scrubber([]).empty
    assert Scrubber([])("text") == "text"


def test_a_review_holds_no_secret_even_where_a_name_carries_it() -> None:
    found = reviewed(
        change("aws_s3_bucket.a", "delete", {"bucket": f"b-{WORD}"}),
        variables={"v": {"value": WORD}},
        configuration={"root_module": {"variables": {"v": {"sensitive": True}}}},
    )
    assert WORD not in repr(found)
    assert any(isinstance(one, Finding) and HIDDEN in one.message for one in found.findings)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\nb", "a\\u{a}b"),
        ("\x1b[31mred", "\\u{1b}[31mred"),
        ("a\u202eb\u2066", "a\\u{202e}b\\u{2066}"),
        ("\ud800", "\\u{d800}"),
        ("\u2028", "\\u{2028}"),
        ("a\u200bb", "a\\u{200b}b"),
        ("a\u3164b\ufe0f\u00a0", "a\\u{3164}b\\u{fe0f}\\u{a0}"),
        ("größe 日本", "größe 日本"),
        ("<b>|`*", "<b>|`*"),
        (7, "7"),
    ],
)
def test_plain_makes_one_safe_line(text: object, safe: str) -> None:
    assert plain(text) == safe


def test_plain_cuts_and_says_so() -> None:
    assert plain("x" * 400, most=10) == "xxxxxxxxxx… (400 characters)"


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_plain_is_always_printable_and_encodable(text: str) -> None:
    line = plain(text)
    assert line.isprintable()
    assert line.encode("utf-8").decode("utf-8") == line
