"""Plans that nobody meant well: one clear error, or a right review. Never a traceback, a secret, or a wrong "none"."""

from __future__ import annotations

import copy
import json
import os
import random
import re
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from glue.core.slim import slim
from glue.errors import UsageError
from glue.review.document import read
from glue.review.inspecting import review
from glue.review.model import Grade, Review
from tests.review.golden import NAMES, data, document, review_of, reviewed, settings
from tests.review.outputs import outputs

SMALL = "plain-image"
SEVERAL = ["prefix-image", "policy-swallowed", "bucket-module-opened", "drifted", "secrets", "huggingface-first"]
STEPS = 150
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def refused(text: bytes) -> str:
    """Return the one message with which something is refused."""
    with pytest.raises(UsageError) as caught:
        review(read(text, name="plan.json"), settings=settings())
    message = caught.value.message
    assert message.startswith("plan.json")
    assert "\n" not in message
    assert not CONTROL.search(message), message
    assert len(message) < 1200
    assert caught.value.exit_code == 2
    return message


@pytest.mark.parametrize("name", [SMALL, "secrets"])
def test_a_plan_that_is_cut_off_anywhere_is_refused(name: str) -> None:
    whole = data(name)
    for end in {0, 1, len(whole) - 1, *range(2, len(whole) - 1, len(whole) // STEPS)}:
        refused(whole[:end])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n \n",
        b"null",
        b"true",
        b"7",
        b'"a plan"',
        b"[]",
        b"{}",
        b"[{}]",
        b"\x00" * 100,
        b"PK\x03\x04 a saved plan",
        b"\xff\xfe{",
        b"{]",
        b'{"format_version"',
        b'{"format_version": "1.2"}',
        b'{"format_version": 1.2, "resource_changes": []}',
        b'{"format_version":"2.0","resource_changes":[]}',
        b'{"format_version":"0.2","resource_changes":[]}',
        b'{"format_version":"1.2","values":{}}',
        b'{"version":4,"lineage":"x","serial":1,"resources":[]}',
        b'{"@level":"info","@message":"Terraform 1.11.4","type":"version"}\n{"@level":"info"}',
        b'{"format_version":"1.2","resource_changes":[],"resource_changes":[]}',
        b'{"format_version":"1.2","resource_changes":{}}',
        b'{"format_version":"1.2","resource_changes":[null]}',
        b'{"format_version":"1.2","resource_changes":[NaN]}',
        b'{"format_version":"1.2","resource_changes":[1e999]}',
        b'{"format_version":"1.2","resource_changes":[' + b"9" * 5000 + b"]}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"format_version":"1.2","resource_changes":[],"planned_values":{"root_module":{"resources":[{"address":"a.b","mode":"managed","type":"a","name":"b","values":{}}]}}}',
        b'{"format_version":"1.2","resource_changes":[],"x":"\\ud800"}',
    ],
)
def test_what_is_no_plan_is_refused(text: bytes) -> None:
    assert refused(text)


@pytest.mark.parametrize(
    "change",
    [
        {"errored": True},
        {"format_version": "2.0"},
        {"format_version": "1.x"},
        {"format_version": None},
        {"resource_changes": None},
        {"errored": "no"},
        {"resource_changes": "none"},
        {"planned_values": []},
        {"prior_state": 7},
        {"configuration": []},
        {"variables": []},
        {"output_changes": [1]},
        {"resource_drift": {}},
    ],
)
def test_a_plan_that_is_not_whole_is_refused(change: dict[str, Any]) -> None:
    refused(json.dumps(document(SMALL) | change).encode())


@pytest.mark.parametrize(
    "actions",
    [["destroy"], ["create", "destroy"], [], ["open"], ["delete", "delete"], ["Create"], "create", [1], None, {"a": 1}],
)
def test_an_action_of_the_future_is_refused(actions: Any) -> None:
    changed = document(SMALL)
    changed["format_version"] = "1.99"
    changed["resource_changes"][0]["change"]["actions"] = actions
    refused(json.dumps(changed).encode())


def test_a_newer_minor_format_is_read_and_what_is_new_in_it_is_said() -> None:
    changed = document(SMALL) | {
        "format_version": "1.99",
        "action_invocations": [{"address": "action.aws_lambda_invoke.x"}],
    }
    found = review_of(changed)
    assert found.grade >= Grade.HIGH
    assert "action_invocations" in repr(found.findings)


# --- wrong types at every place ---

WRONG: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    7,
    1e308,
    10**30,
    "",
    "x",
    "create",
    "${x}",
    [],
    {},
    [[]],
    [None],
    {"": None},
    [[[[["x"]]]]],
    {"a": {"b": {"c": 1}}},
    "\x00\x1b[31m",
    "\u202egnp",
    "a" * 5000,
    ["no-op"],
    [True, False],
    {"constant_value": 1},
    {"references": None},
    "{}",
    '{"Statement": 5}',
    '{"Statement": [[]]}',
    "arn:aws:",
    ":::::",
    "]",
    "[0]",
]
ROUNDS = int(os.environ.get("REVIEW_FUZZ", "25"))  # more of them find more, in minutes


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield every path of a document."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def mutated(found: dict[str, Any], chance: random.Random, paths: list[tuple[Any, ...]]) -> None:
    """Change one place: another value, another type, nothing, twice, or a key of another name."""
    path = chance.choice(paths)
    holder: Any = found
    try:
        for step in path[:-1]:
            holder = holder[step]
        last = path[-1]
        how = chance.randrange(5)
        if how == 0:
            del holder[last]
        elif how == 1 and isinstance(holder, list):
            holder.insert(last, copy.deepcopy(holder[last]))
        elif how == 2 and isinstance(holder, dict):
            holder[f"{last}\u202e<b>"] = holder.pop(last)
        else:
            holder[last] = copy.deepcopy(chance.choice(WRONG))
    except (KeyError, IndexError, TypeError):
        return  # an earlier change took the place away


def acts(found: dict[str, Any]) -> bool:
    """Tell whether a readable plan changes anything for certain."""
    return any(one["change"]["actions"] not in (["no-op"], ["read"]) for one in found["resource_changes"])


@pytest.mark.parametrize("name", SEVERAL)
def test_wrong_types_at_any_place_end_in_a_review_or_in_one_error(name: str) -> None:
    chance, whole = random.Random(f"places of {name}"), document(name)  # noqa: S311
    paths = list(places(whole))
    weighty = [path for path in paths if path[0] in {"resource_changes", "resource_drift", "output_changes"}] * 3
    for _ in range(ROUNDS):
        changed = copy.deepcopy(whole)
        for _ in range(chance.choice((1, 1, 1, 4))):
            mutated(changed, chance, paths + weighty)
        text = json.dumps(changed).encode()
        try:
            found = review(read(text, name="plan.json"), settings=settings())
        except UsageError as error:
            assert "\n" not in error.message  # noqa: PT017 - both ends are right
            continue
        assert found.grade > Grade.NONE or not acts(changed)
        if chance.random() < 0.25:
            harmless(found)


class Tags(HTMLParser):
    """Counts what a browser would see: elements, and the names of attributes with the addresses that they hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(f"{tag} {name}" for name, _ in attrs)}
        self.seen |= {f"{name} {value}" for name, value in attrs if name in {"href", "src"}}

    def handle_comment(self, data: str) -> None:
        self.seen.add("comment")


MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
GRAVE = {"script", "img", "a", "iframe", "svg", "style", "form", "input", "h1", "b"}


def harmless(found: Review) -> None:
    """Hold every output to what it must never contain."""
    made = outputs(found)
    for form in ("terminal", "markdown", "html"):
        assert not CONTROL.search(made[form]), (form, CONTROL.search(made[form]))
    assert not Tags(MARKDOWN.render(made["markdown"])).seen & GRAVE
    json.loads(made["json"])
    json.loads(made["sarif"])


# --- markup everywhere ---

MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "]]><!--",
    "--><h1>",
    "`code` **bold** | cell",
    "@everyone #1",
    "[click](https://evil.example)",
    "\x1b]0;title\x07\x1b[2J",
    "\u202edlog",
    "line\r\nbreak\x0bnew\u2028",
    "</details></summary>",
    "<!-- slipway-review:other -->",
    "{{ 7*7 }} ${7*7}",
    "```\n# heading",
    "&lt;b&gt;",
    "\x00",
    "A" * 3000,
    "' onload='x",
    '" autofocus="',
]


def with_markup(markup: str) -> dict[str, Any]:
    """Return a plan with the text in names, values, keys, indexes and addresses."""
    changed = document("plain-type-scaled")
    for entry in changed["resource_changes"]:
        for values in filter(None, (entry["change"]["before"], entry["change"]["after"])):
            for name in {"name", "endpoint_config_name", "execution_role_arn", "resource_id"} & values.keys():
                values[name] = f"{values[name]}{markup}"
            values["tags"] = {markup: markup}
            for variant in values.get("production_variants") or ():
                variant["variant_name"] = variant["instance_type"] = variant["model_name"] = markup
        entry["index"] = markup
        entry["address"] = f'module.x["{markup}"].{entry["type"]}.{entry["name"]}["{markup}"]'
        entry["module_address"] = f'module.x["{markup}"]'
    del changed["planned_values"]
    return changed


@lru_cache
def _usual() -> dict[str, str]:
    return outputs(review_of(with_markup("plain")))


@pytest.mark.parametrize("markup", MARKUP)
def test_nothing_in_a_plan_becomes_markup(markup: str) -> None:
    made, usual = outputs(review_of(with_markup(markup))), _usual()
    assert Tags(made["html"]).seen <= Tags(usual["html"]).seen
    rendered = {form: MARKDOWN.render(text["markdown"]) for form, text in (("now", made), ("usual", usual))}
    assert not Tags(rendered["now"]).seen & GRAVE
    for tag in ("details", "summary", "h2", "h3", "strong", "table", "!--"):
        assert rendered["now"].count(f"<{tag}") <= rendered["usual"].count(f"<{tag}") + 1, tag
    assert not re.search(r"(?<![\w`>])@everyone", re.sub(r"<code>.*?</code>", "", rendered["now"], flags=re.DOTALL))
    for form in ("terminal", "markdown", "html"):
        assert not CONTROL.search(made[form]), form
    assert made["markdown"].splitlines()[0] == usual["markdown"].splitlines()[0]


# --- secrets everywhere ---

CANARY = "canary-7f3e9b1c"
HARD = 'p"a\\s<s>\nword-é-7f3e'


def marked(value: Any, chance: random.Random) -> Any:
    """Return marks that call about a third of all strings sensitive, and put a canary in their place."""
    if isinstance(value, dict):
        return {key: marked(inner, chance) for key, inner in value.items()}
    if isinstance(value, list):
        return [marked(inner, chance) for inner in value]
    return isinstance(value, str) and chance.random() < 0.34


def planted(value: Any, marks: Any, secret: str) -> Any:
    """Return the value with the secret in every marked place."""
    if isinstance(marks, dict):
        return {key: planted(inner, marks.get(key), secret) for key, inner in value.items()}
    if isinstance(marks, list):
        return [planted(inner, mark, secret) for inner, mark in zip(value, marks, strict=True)]
    return secret if marks is True else value


@pytest.mark.parametrize("secret", [CANARY, HARD])
@pytest.mark.parametrize("name", ["secrets", "prefix-image", "policy-swallowed", "promotion", "drifted"])
def test_no_secret_leaves_in_any_form(name: str, secret: str) -> None:
    chance, changed = random.Random(f"secrets of {name}"), document(name)  # noqa: S311
    for part in ("resource_changes", "resource_drift"):
        for entry in changed.get(part, ()):
            change = entry["change"]
            for side in ("before", "after"):
                if change[side] is not None:
                    marks = marked(change[side], chance)
                    change[f"{side}_sensitive"] = marks
                    change[side] = planted(change[side], marks, secret)
            if change["actions"] == ["no-op"]:
                change["after"], change["after_sensitive"] = change["before"], change["before_sensitive"]
    # and once more inside a longer string, which no mark tells of
    told = next(one for one in changed["resource_changes"] if isinstance(one["change"]["after"], dict))
    told["change"]["after"]["description"] = f"see https://x/{secret}?a=1"
    changed["output_changes"] = {
        "plain": {
            "actions": ["create"],
            "before": None,
            "after": f"is {secret}",
            "after_unknown": False,
            "before_sensitive": False,
            "after_sensitive": False,
        }
    }
    changed["variables"] = {"x": {"value": secret}}
    changed.pop("planned_values", None)
    changed.pop("prior_state", None)
    for form, text in outputs(review_of(changed)).items():
        assert secret not in text, form
        assert json.dumps(secret)[1:-1] not in text, form
        assert "7f3e9b1c" not in text, form
        assert "word-é-7f3e" not in text, form
    assert not [part for part in ("7f3e9b1c", "word-é-7f3e") if part in json.dumps(slim(changed), ensure_ascii=False)]


def test_a_secret_of_a_real_plan_is_in_the_plan_and_nowhere_else() -> None:
    for name, hidden in {
        "secrets": ["3f9a1c77e2b04d55", "hunter2-hunter2"],
        "secrets-rotated": ["3f9a1c77e2b04d55", "77e2b04d553f", "hunter2-hunter2"],
        "huggingface-model": ["hf_abcdefghijklmnopqrstuvwxyz012345"],
        "stores-unprotected": ["correct-horse-battery-staple"],
    }.items():
        made = outputs(review_of(document(name)))
        for secret in hidden:
            assert secret.encode() in data(name)
            assert not [form for form, text in made.items() if secret in text], (name, secret)


@pytest.mark.parametrize("name", NAMES)
def test_every_output_of_every_real_plan_is_harmless(name: str) -> None:
    harmless(reviewed(name))
