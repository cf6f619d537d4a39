"""The core is pure, nothing outside sandbox/ knows of it, and start-up pays for nothing that is not used."""

import ast
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CORE = sorted((ROOT / "glue" / "core").rglob("*.py"))
REVIEW = sorted((ROOT / "glue" / "review").rglob("*.py"))
GLUE = sorted((ROOT / "glue").rglob("*.py"))
HEAVY = {"boto3", "botocore", "hcl2", "lark", "rich", "moto"}


def imported(path: Path) -> set[str]:
    """Return the names of all modules that a file imports, those for type checking only left out."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_the_core_imports_neither_boto3_nor_click_nor_what_uses_them(path: Path) -> None:
    names = imported(path)
    assert not {name for name in names if name.split(".")[0] in HEAVY | {"click", "subprocess"}}
    assert not {name for name in names if name.startswith(("glue.aws", "glue.cli", "glue.tf"))}


@pytest.mark.parametrize("path", REVIEW, ids=lambda path: str(path.relative_to(ROOT / "glue" / "review")))
def test_the_review_is_pure(path: Path) -> None:
    ours = ("glue.review", "glue.core", "glue.iam", "glue.errors")
    names = {name for name in imported(path) if name.split(".")[0] not in sys.stdlib_module_names}
    assert not {
        name for name in names if name != "glue" and not f"{name}.".startswith(tuple(f"{our}." for our in ours))
    }
    assert not {name for name in imported(path) if name.split(".")[0] in {"subprocess", "socket", "urllib.request"}}


def test_the_rule_finds_what_it_looks_for(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import click\ndef f():\n    import boto3\n"
    )
    assert imported(path) == {"typing", "boto3"}


@pytest.mark.parametrize("path", GLUE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_glue_does_not_know_the_sandbox(path: Path) -> None:
    assert not {name for name in imported(path) if name.split(".")[0] == "sandbox"}
    assert not re.search(r"\bif .*sandbox", path.read_text(encoding="utf-8"), re.IGNORECASE)


def test_help_imports_nothing_heavy_and_is_quick() -> None:
    program = (
        "import sys, json\n"
        "from glue.cli.main import main\n"
        "code = main(['--help'])\n"
        "print(json.dumps([code, sorted({name.split('.')[0] for name in sys.modules})]), file=sys.stderr)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    seconds = time.monotonic() - began
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert not HEAVY & set(modules)
    assert seconds < 3  # 0.1 s on an idle machine
