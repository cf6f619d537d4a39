"""The training queue's functions: what Terraform calls is in the package, and the image has the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

MODULE = Path(__file__).resolve().parents[2] / "modules" / "training-queue"
HANDLERS = set(re.findall(r'handler\s*=\s*"([\w.]+)"', (MODULE / "functions.tf").read_text()))


def test_every_handler_is_a_function_that_takes_event_and_context() -> None:
    assert len(HANDLERS) == 6
    for handler in HANDLERS:
        module, _, name = handler.rpartition(".")
        tree = ast.parse((MODULE / "src" / f"{module}.py").read_text())
        (found,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
        assert len(found.args.posonlyargs + found.args.args) == 2, handler


def test_the_image_holds_the_package_on_a_base_by_digest() -> None:
    text = (MODULE / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=public\.ecr\.aws/lambda/python:3\.11\S*@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    assert "COPY build/functions/training-queue.zip" in text
    assert set(re.findall(r'^CMD \["([\w.]+)"\]$', text, re.MULTILINE)) <= HANDLERS
    assert (MODULE / "Dockerfile.dockerignore").read_text().split() == ["*", "!build/functions/training-queue.zip"]
