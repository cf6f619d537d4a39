"""A release carries the baseline of its data, where its archive or its maker has one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from glue.aws.session import Session
from glue.core.request import ReleaseRequest
from glue.errors import UsageError

from .conftest import archive, model_members
from .world import make


def distribution(rows: int = 100) -> dict[str, object]:
    return {"edges": [0.5], "shares": [0.5, 0.5], "missing": 0.0, "rows": rows}


def baseline(**change: object) -> bytes:
    records = {"query": "q", "rows": "r", "id": "i", "features": "f", "answers": "a", "score": "s"}
    features = {"bm25": distribution()}
    document = {"schema": 1, "model": "ranker", "records": records, "features": features, "scores": distribution()}
    return json.dumps(document | change).encode()


def test_a_baseline_is_a_file_of_the_release(ask: Callable[..., ReleaseRequest], dev: Session, tmp_path: Path) -> None:
    path = tmp_path / "with.tar.gz"
    path.write_bytes(archive({**model_members(), "baseline.json": baseline()}))
    made = make(ask(archive=str(path)), dev)
    assert "baseline.json" in made.release.files
    stored = dev.artifacts().get_small(made.release.key("baseline.json"), limit=10_000)
    assert stored is not None
    assert stored[0] == baseline()
    own = tmp_path / "own.json"
    own.write_bytes(baseline(scores=distribution(7)))
    other = make(ask(archive=str(path), baseline=own), dev)
    assert other.release.content != made.release.content
    path.write_bytes(archive(model_members(x=os.urandom(4))))
    assert "baseline.json" not in make(ask(archive=str(path)), dev).release.files


def test_a_baseline_that_is_none_or_anothers_is_refused(
    ask: Callable[..., ReleaseRequest], dev: Session, tmp_path: Path
) -> None:
    path = tmp_path / "with.tar.gz"
    for data, reason in ((b"{}", "is not a baseline: it is not an object of schema 1"), (b"x", "it is not JSON")):
        path.write_bytes(archive({**model_members(), "baseline.json": data}))
        with pytest.raises(UsageError, match=reason):
            make(ask(archive=str(path)), dev)
    path.write_bytes(archive({**model_members(), "baseline.json": baseline(model="other")}))
    with pytest.raises(UsageError, match="is the baseline of model other, and this is a release of ranker"):
        make(ask(archive=str(path)), dev)
