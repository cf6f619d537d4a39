"""Files against their vendors' published schemas, which the package check-jsonschema brings with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from scripts.pipelines import documents

HERE = Path(__file__).resolve().parent
SHOWN = 5


@lru_cache
def _validator(name: str) -> Any:
    wanted = schema(name)
    return jsonschema.validators.validator_for(wanted)(wanted)


def schema(name: str) -> dict[str, Any]:
    """Return a vendored schema, such as github-workflows; `concourse` is our own: Concourse publishes none.

    Ours follows https://concourse-ci.org/docs/pipelines/, and refuses what it does not know.
    """
    if name == "concourse":
        text = (HERE / "concourse.schema.json").read_text()
    else:
        text = resources.files("check_jsonschema").joinpath(f"builtin_schemas/vendor/{name}.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@lru_cache(maxsize=64)
def problems(path: str, text: str, name: str) -> tuple[str, ...]:
    """Return where a document differs from a schema. Raises BrokenError."""
    return tuple(_problems(path, documents.load(text), name))


def _problems(path: str, document: Any, name: str) -> Iterator[str]:
    errors = sorted(_validator(name).iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    for error in errors[:SHOWN]:
        best = jsonschema.exceptions.best_match([error]) or error
        place = "/".join(map(str, best.absolute_path)) or "the document"
        yield f"{path}: {place}: {best.message[:300]} (schema {name})"
