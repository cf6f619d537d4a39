"""The core talks to nobody, and starting the command costs nothing that it does not need."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import glue

ROOT = Path(glue.__file__).parent
FORBIDDEN = {"boto3", "botocore", "click", "rich", "hcl2", "subprocess", "moto", "sandbox"}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py")), ids=lambda path: path.name)
def test_the_core_is_pure(path: Path) -> None:
    modules = imported(path)
    assert not {module.partition(".")[0] for module in modules} & FORBIDDEN
    inside = {module for module in modules if module.startswith("glue")}
    assert all(module.startswith(("glue.core", "glue.errors")) for module in inside), inside


def test_nothing_but_the_sandbox_knows_the_sandbox() -> None:
    for path in ROOT.rglob("*.py"):
        assert not any(module.partition(".")[0] in {"sandbox", "moto"} for module in imported(path)), path


def test_making_sessions_pays_for_boto3_only_when_one_is_made() -> None:
    code = "import sys, glue.aws.session, glue.releases; print('boto3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert done.stdout.strip() == "False"
