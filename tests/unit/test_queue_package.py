"""The functions' package: everything that they import is in it, and nothing heavy is imported for nothing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "modules" / "training-queue"
SOURCE = MODULE / "src"
LISTED = MODULE.joinpath("package.txt").read_text(encoding="utf-8").split()


def modules(tree: ast.AST) -> Iterator[str]:
    """Yield the glue's modules that a file imports, also within its functions; not those for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        yield from modules(node)


def files(module: str) -> Iterator[Path]:
    parts = module.split(".")
    for at in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:at])
        yield from (path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file())


def needed() -> set[Path]:
    seen: set[Path] = set()
    left = list(SOURCE.glob("*.py"))
    while left:
        path = left.pop()
        if path not in seen:
            seen.add(path)
            found = modules(ast.parse(path.read_text(encoding="utf-8")))
            left += [file for module in found if module.split(".")[0] == "glue" for file in files(module)]
    return {path for path in seen if path.parent != SOURCE}


def test_the_package_holds_what_the_functions_import() -> None:
    assert {path.relative_to(ROOT).as_posix() for path in needed()} - set(LISTED) == set()
    assert [name for name in LISTED if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("handler", ["queue_submit", "queue_launch", "queue_monitor", "queue_finish"])
def test_a_handler_imports_only_what_lambda_has_and_nothing_heavy(handler: str) -> None:
    program = (
        f"import json, sys; sys.path[:0] = [{str(SOURCE)!r}]; import {handler}; print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    found = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not found & {"boto3", "click", "rich", "hcl2", "yaml", "s3transfer"}
    assert "glue.aws.session" not in json.loads(done.stdout)
