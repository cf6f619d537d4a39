"""What reviews look like in all forms: golden files, schemas, hostile text, limits."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from glue.errors import UsageError
from glue.review.model import Cost, Grade, Review
from glue.review.rules import Rules
from glue.review.show import as_json, from_json, markdown, page, sarif, terminal
from glue.review.show.escape import code, prose
from glue.review.show.fitting import Block, fit
from glue.review.show.report import Report, cost_text, headline

from .show_samples import CASES, GAINED, dangerous, finding, nothing, promotion

GOLDEN = Path(__file__).parent / "golden" / "show"
ROOT = Path(__file__).resolve().parents[2]
FILES = {"qa/serving/ranker": "environments/qa/endpoints/ranker.tfvars"}
FORMS: dict[str, Callable[[Report], str]] = {
    "txt": lambda report: terminal.text(report, width=100),
    "md": markdown.text,
    "json": lambda report: json.dumps(as_json.document(report), indent=2) + "\n",
    "sarif": lambda report: json.dumps(sarif.document(report, rules=Rules.load(), files=FILES), indent=2) + "\n",
    "html": page.page,
}
SCHEMA = json.loads((ROOT / "docs" / "review" / "review.schema.json").read_text())
SARIF = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text())
OURS = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
THEIRS = jsonschema.Draft202012Validator(SARIF, format_checker=jsonschema.FormatChecker())
MARKS = MarkdownIt("gfm-like", {"linkify": False, "html": True})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, form: str) -> None:
    """GOLDEN=write writes the files instead: read the difference before you commit it."""
    path = GOLDEN / f"{case}.{form}"
    text = FORMS[form](CASES[case])
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("case", CASES)
def test_documents_fit_their_schemas_and_come_back_whole(case: str) -> None:
    document = as_json.document(CASES[case])
    OURS.validate(document)
    THEIRS.validate(sarif.document(CASES[case], rules=Rules.load(), files=FILES))
    assert from_json.reviews(json.loads(json.dumps(document)), name="it") == CASES[case].reviews


def test_the_schemas_are_schemas_and_see_mistakes() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    wrong: dict[str, Any] = {**as_json.document(CASES["promotion"]), "grade": "fine"}
    assert not OURS.is_valid(wrong)
    log: dict[str, Any] = sarif.document(CASES["promotion"], rules={}, files={})
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not THEIRS.is_valid(log)


@pytest.mark.parametrize(
    "broken",
    [
        {"schema_version": 2},
        {"plans": None},
        {"plans": [{}]},
        {"grade": "none"},
        {"findings": [{}]},
        {"access": {"gained": [{"plan": "qa/serving/ranker"}], "lost": [], "unjudged": []}},
    ],
)
def test_a_review_that_was_tampered_with_is_not_read(broken: dict[str, Any]) -> None:
    document = {**as_json.document(CASES["promotion"]), **broken}
    with pytest.raises(UsageError, match=r"review|contradicts"):
        from_json.reviews(json.loads(json.dumps(document)), name="review.json")


def test_the_gate_decides_and_says_so() -> None:
    report = Report((promotion(),), gate=Grade.MEDIUM)
    assert report.refused
    assert headline(report) == "refused by the gate (medium and above); read the findings"
    assert not Report((promotion(),), gate=Grade.HIGH).refused
    assert not Report((dangerous(),), gate=None).refused
    assert as_json.document(Report((dangerous(),), gate=None))["gate"] == "never"


def test_what_could_not_be_judged_is_in_the_first_line() -> None:
    assert headline(Report((replace(nothing(), sure=False),))).endswith("(not everything could be judged)")
    assert headline(CASES["guess"]).endswith("(less sure: made without a plan)")
    assert "a plan would tell more" in headline(Report((replace(nothing(), sure=False, terraform_version=""),)))
    assert "Nothing changes in" not in markdown.text(Report((replace(nothing(), sure=False), promotion())))


def test_what_is_unknown_is_never_zero() -> None:
    several = Report((promotion(), dangerous()))
    assert several.cost.after is None
    assert "0.00" not in str(cost_text(several.cost))
    assert "ml.x9.huge" in str(cost_text(several.cost))
    assert cost_text(Cost()) is None
    assert cost_text(Cost(Decimal(0), Decimal(0), Decimal(0))) is None
    assert cost_text(Cost(Decimal(0), None, None, unknown=("ml.new",))) == (
        "0.00 -> unknown USD a month of 730 hours; not known: ml.new"
    )
    assert "as before" in str(cost_text(Cost(Decimal(1), Decimal(1), Decimal(0))))


def test_colours_are_for_terminals_that_want_them() -> None:
    assert "\x1b[" not in terminal.text(CASES["several"])
    coloured = terminal.text(CASES["several"], colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == terminal.text(CASES["several"])


EVIL = (
    "<img src=x onerror=alert(1)>",
    "<!-- slipway-review:plan -->",
    "</code></details><script>alert(1)</script>",
    "@team and @acme/owners",
    "Fixes #1, GH-1, acme/models#2 and acme/models@1c9a4e7",
    "1c9a4e7b2d",
    "https://evil.example www.evil.example ftp://evil.example me@evil.example",
    "![x](https://evil.example/x.png) [click](javascript:alert(1)) [ref]: x",
    "`code` ``two`` ``` three ~~~ \\` ends\\",
    "a | b |\n--- | ---\n",
    "\n# heading\n---\n> quote\n- item\n1. one\n***",
    "**bold** __bold__ ~~gone~~ *i* _i_ :tada: $x^2$",
    "&lt;b&gt; &#64;team &commat;team",
    "\u202eright to left\u202c \u200b\u00ad\u2066 \x1b[31mred\x07 \x00",
    "](x) {0} {{1}} [text](target)",
    "{{constructor.constructor('alert(1)')()}}",
    "W" * 5000,
    "",
    " ",
)


def poisoned(value: Any, poison: str) -> Any:
    """Put a text everywhere in a review, but for the words that outputs choose by."""
    if isinstance(value, str):
        return poison
    if isinstance(value, tuple):
        return tuple(poisoned(item, poison) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        kept = {"action", "digest", "currency"}
        changes = {
            one.name: poisoned(getattr(value, one.name), poison) for one in fields(value) if one.name not in kept
        }
        return replace(value, **changes)
    return value


def flat(tokens: list[Token]) -> list[Token]:
    return [inner for token in tokens for inner in (token, *flat(token.children or []))]


REFERENCE = re.compile(
    r"@\w|(?<!&)#\d|\bGH-\d|://|(?<!\w)www\.|(?<![0-9A-Za-z])[0-9a-f]{7,}(?![0-9A-Za-z])|:\w+:|[<>\x00-\x09\x0b-\x1f\u202a-\u202e\u2066]"
)
OWN_HTML = re.compile(
    r"(<!-- slipway-(review|grade):[a-z]+ -->\n?)+|<details><summary>[^<>]*</summary>\n?|</details>\n?"
)
KINDS = {
    "heading_open", "heading_close", "inline", "paragraph_open", "paragraph_close", "bullet_list_open",
    "bullet_list_close", "list_item_open", "list_item_close", "html_block", "text", "code_inline", "strong_open",
    "strong_close", "softbreak", "blockquote_open", "blockquote_close", "text_special",
}  # fmt: skip


def check_comment(text: str) -> None:
    """Hold a comment's structure to what we write: no links, no images, no tables, no foreign HTML, no references."""
    tokens = flat(MARKS.parse(text))
    assert {token.type for token in tokens} <= KINDS
    for token in tokens:
        if token.type == "html_block":
            assert OWN_HTML.fullmatch(token.content), token.content
        if token.type in {"text", "text_special"}:
            assert not REFERENCE.search(token.content.replace("->", "")), token.content
    assert text.startswith("<!-- slipway-review:plan -->\n")


@pytest.mark.parametrize("poison", EVIL, ids=range(len(EVIL)))
def test_nothing_in_a_plan_means_anything(poison: str) -> None:
    report = Report(tuple(poisoned(review, poison) for review in (promotion(), dangerous())))
    check_comment(markdown.text(report))
    shown = terminal.text(report)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", shown)
    OURS.validate(as_json.document(report))
    log = sarif.document(report, rules=Rules.load(), files={})
    THEIRS.validate(log)
    messages = [one["message"]["text"] for one in log["runs"][0]["results"]]  # type: ignore[index]
    assert not [one for one in messages if "](" in one or re.search(r"(?<!\{)\{\d\}(?!\})", one)]
    check_page(page.page(report))


class Reader(HTMLParser):
    """Reads the tags of a page and the attributes that could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def check_page(text: str) -> None:
    reader = Reader()
    reader.feed(text)
    assert reader.tags <= {
        "html", "head", "meta", "title", "style", "body", "main", "header", "section", "article", "div", "p", "ul",
        "li", "h1", "h2", "h3", "h4", "b", "br", "code", "span", "details", "summary", "svg", "g", "text", "line",
        "rect", "polyline", "polygon",
    }  # fmt: skip
    assert not {name for name in reader.attributes if name.startswith("on") or name in {"href", "src", "srcset"}}
    assert "url(" not in text
    assert "@import" not in text


SYMBOLS = [*"ab1 #@/`*_[]()<>!|\\~&:.-=+\n\t'\"{}$^", "GH-1", "www.", "http://", "0123abc", "\u202e"]


@given(st.lists(st.sampled_from(SYMBOLS), max_size=40).map("".join))
def test_no_text_escapes_from_prose_or_code(text: str) -> None:
    lines = [f"- {prose(text)} {code(text)}\n  - {prose(text)}", f"#### {code(text)}", prose(text)]
    check_comment("\n\n".join([markdown.marker("plan"), *lines]))


def test_plain_sentences_stay_readable() -> None:
    said = "Instances go from 2 to 3 (50 % more), at 12.50 USD."
    assert prose(said) == said
    assert prose("run `make prices`, then `x y`.") == "run `make prices`, then `x y`."
    assert prose("role/deploy can call s3:GetObject on a/b.") == "`role/deploy` can call `s3:GetObject` on `a/b`."


@pytest.mark.parametrize("limit", [markdown.LIMIT, 20_000, 6_000])
def test_a_huge_review_fits_and_says_what_is_missing(limit: int) -> None:
    many = tuple(
        finding(Grade.FORBIDDEN if n < 3 else Grade.LOW, f"rule-{n % 7}", f'aws_x.y["{n}"]', "é" * 200 + f" {n}")
        for n in range(1200)
    )
    report = Report((replace(dangerous(), findings=many, access=replace(dangerous().access, gained=GAINED * 500)),))
    text = markdown.text(report, limit=limit)
    assert len(text) <= limit
    assert text.startswith(markdown.marker("plan"))
    assert 'aws_x.y["0"]' in text
    assert re.search(r"Left out to keep GitHub's limit: .*low findings.*JSON document has everything", text)
    assert text.count("<details>") == text.count("</details>")
    check_comment(text)


def test_many_plans_fit_the_worst_first() -> None:
    reviews = [replace(promotion(), name=f"qa/serving/e{n}") for n in range(400)]
    reviews[300] = replace(dangerous(), name="production/serving/bad")
    text = markdown.text(Report(tuple(reviews)))
    assert len(text) <= markdown.LIMIT
    assert text.index("production/serving/bad") < text.index("qa/serving/e")
    assert "Left out" in text


def test_fitting_keeps_what_matters() -> None:
    blocks = [Block(5, "low\n", ["l" * 50] * 10, noun="low"), Block(0, "worst\n", ["w" * 50] * 4, noun="worst")]
    fitted = fit(blocks, 350)
    assert fitted.text.count("w" * 50) == 4
    assert fitted.left_out == {"low": 9}
    assert fit(blocks, 10_000).left_out == {}


def test_results_keep_their_identity() -> None:
    def prints(review: Review) -> list[str]:
        log: Any = sarif.document(Report((review,)), rules=Rules.load(), files=FILES)
        return [one["partialFingerprints"]["primaryLocationLineHash"] for one in log["runs"][0]["results"]]

    one = promotion()
    reworded = replace(one, findings=tuple(replace(it, message="other words") for it in one.findings), digest="1" * 64)
    assert prints(one) == prints(reworded)
    doubled = replace(one, findings=one.findings * 2)
    assert len(set(prints(doubled))) == 4


def test_sarif_points_at_the_data_file_and_knows_the_rule() -> None:
    rules = Rules.load()
    log: Any = sarif.document(CASES["promotion"], rules=rules, files=FILES)
    result = next(one for one in log["runs"][0]["results"] if one["ruleId"] == "resource-changed")
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": FILES["qa/serving/ranker"], "uriBaseId": "%SRCROOT%"}
    rule = log["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == "resource-changed"
    assert rules["resource-changed"].remedy in rule["help"]["text"]
    waived: Any = sarif.document(CASES["dangerous"], rules=rules, files={})
    suppressed = [one["ruleId"] for one in waived["runs"][0]["results"] if one.get("suppressions")]
    assert suppressed == ["protection-disabled"]


def test_a_plan_that_changes_nothing_is_one_line_among_others() -> None:
    report = Report((nothing(), replace(nothing(), name="qa/foundation"), promotion()))
    assert "Nothing changes in dev/foundation, qa/foundation" in terminal.text(report)
    assert "Nothing changes in `dev/foundation`, `qa/foundation`." in markdown.text(report)


@pytest.mark.parametrize("scope", ["", "a b", "a--b", "-a", "a-", "x" * 90, "a>b", "ä"])
def test_scopes_that_would_break_the_marker(scope: str) -> None:
    with pytest.raises(UsageError):
        markdown.marker(scope)
