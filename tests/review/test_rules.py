"""Rules are data: each has all it needs, code and file name the same ids, and each fires in some test."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import lru_cache
from pathlib import Path

import pytest

from glue.errors import UsageError
from glue.review.model import Grade
from glue.review.rules import FILE, Rules
from tests.review.golden import EXPECTED
from tests.review.making import RULES

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = sorted((ROOT / "glue" / "review").rglob("*.py"))
PROTECTIONS = tomllib.loads((ROOT / "glue" / "review" / "protections.toml").read_text())
DATA = {line["rule"] for line in [*PROTECTIONS["checks"], *PROTECTIONS["removed"].values()]}
PAGE = ROOT / "docs" / "review" / "rules.md"


@lru_cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return everything in a Python file that can carry an id."""
    kinds = (ast.Constant, ast.JoinedStr, ast.Call)
    return tuple(node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds))


def words(path: Path) -> set[str]:
    """Return every text in a Python file that could be a rule's id."""
    texts = (node.value for node in nodes(path) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"[a-z]+(-[a-z]+)+", text)}


def composed(path: Path) -> list[str]:
    """Return a pattern for every f-string of a Python file that looks like an id."""
    parts = (
        [str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values]
        for node in nodes(path)
        if isinstance(node, ast.JoinedStr)
    )
    texts = ("".join(part) for part in parts)
    return [
        text.replace("*", "[a-z-]+")
        for text in texts
        if re.fullmatch(r"[a-z*]+(-[a-z*]+)+", text) and re.search("[a-z]{3}", text)
    ]


def called(path: Path) -> set[str]:
    """Return the ids that a file gives to `finding(...)` as its first word."""
    calls = (node for node in nodes(path) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    firsts = (node.args[0] for node in calls if node.func.attr == "finding" and node.args)  # type: ignore[union-attr]
    return {first.value for first in firsts if isinstance(first, ast.Constant) and isinstance(first.value, str)}


def test_every_id_in_code_is_in_the_file() -> None:
    assert {name for path in CODE for name in called(path)} | DATA <= set(RULES)


def test_every_id_in_the_file_is_in_code() -> None:
    patterns = [pattern for path in CODE for pattern in composed(path)]
    left = set(RULES) - DATA - {name for path in CODE for name in words(path)}
    assert {name for name in left if not any(re.fullmatch(pattern, name) for pattern in patterns)} == set()


def test_every_rule_is_expected_by_some_test() -> None:
    tested = {
        name for path in Path(__file__).parent.glob("test_*.py") if path.name != "test_rules.py" for name in words(path)
    }
    expected = {name for wanted in EXPECTED.values() for name in wanted.get("rules", ())}
    # test_protections.py makes each line of protections.toml fire
    assert set(RULES) - tested - expected - DATA == set()


def test_ids_and_texts_read_well() -> None:
    for rule in RULES.values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.id)
        assert rule.grade is not Grade.NONE
        assert rule.reason.endswith(".")
        assert rule.remedy.endswith(".") or rule.remedy.split()[-1].startswith("https://")
        assert not rule.title.endswith(".")
        assert len({rule.title, rule.reason, rule.remedy}) == 3


def test_the_page_of_rules_is_what_the_file_says() -> None:
    table = "\n".join(
        f"| `{rule.id}` | {rule.grade.word} | {rule.title} | {rule.reason} | {rule.remedy} |" for rule in RULES.values()
    )
    assert table in PAGE.read_text(encoding="utf-8"), "run: python -m scripts.review_rules"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "cannot be read"),
        ("[other]", "cannot be read"),
        ("[rules.a]\ngrade='low'", "needs exactly grade, title, reason, remedy"),
        ("[rules.a]\ngrade='awful'\ntitle='t'\nreason='r'\nremedy='m'", "'awful' is no grade"),
        ("[rules.a]\ngrade='low'\ntitle=' '\nreason='r'\nremedy='m'", "not empty"),
    ],
)
def test_a_broken_file_of_rules_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        Rules.load(path)


def test_a_finding_takes_grade_and_remedy_from_its_rule() -> None:
    finding = Rules.load(FILE).finding("resource-destroyed", resource="a", message="m")
    assert (finding.grade, finding.remedy) == (Grade.MEDIUM, RULES["resource-destroyed"].remedy)
    with pytest.raises(KeyError):
        RULES.finding("no-such-rule", message="m")
