"""The real plans of plans/, and what the review says of them; each is read and reviewed once."""

from __future__ import annotations

import gzip
import json
import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from glue.review.document import read
from glue.review.inspecting import review
from glue.review.model import Review, Settings
from glue.review.plan import Plan
from glue.review.prices import Prices
from glue.review.rules import Rules

FOLDER = Path(__file__).parent / "plans"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("expected.toml").read_text())
NAMES = sorted(path.name.removesuffix(".json.gz") for path in FOLDER.glob("*.json.gz"))
# without those that say the same again at length: nine roles of the same roots, fifty endpoints
DIFFERENT = [name for name in NAMES if name == "widened-promote" or not name.startswith(("widened-", "fifty"))]
TODAY = date(2026, 11, 21)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """What the command would read by itself."""
    return Settings(today=TODAY, rules=Rules.load(), prices=Prices.load())


@lru_cache
def data(name: str) -> bytes:
    """Return a plan as `terraform show -json` wrote it."""
    return gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes())


def document(name: str) -> dict[str, Any]:
    """Return a plan's JSON, fresh: tests change it."""
    found: dict[str, Any] = json.loads(data(name))
    return found


@lru_cache
def plan(name: str) -> Plan:
    """Return a plan."""
    return read(data(name), name=name)


@lru_cache
def reviewed(name: str) -> Review:
    """Return the review of a plan."""
    return review(plan(name), settings=settings())


def review_of(changed: dict[str, Any]) -> Review:
    """Return the review of a changed plan."""
    return review(read(json.dumps(changed).encode(), name="changed"), settings=settings())
