"""What a user asks for when a release is to be made, and what was found: data, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from glue.core.release import Release


@dataclass(frozen=True)
class ReleaseRequest:
    """A release to be made.

    `archive` and `source_archive` are paths or `s3://bucket/key` of the environment's account (a training output).
    `image` is a tag, a digest or a full URI in the environment's registry. `golden`, `metrics` and
    `baseline` are files; without them golden/requests.json, metrics.json and baseline.json are taken from the archive.
    A release without golden requests cannot be
    verified later, so that has to be asked for (`without_golden`). `commit` is git's, `dirty` says that the working
    tree had changes that it does not hold.
    """

    model: str
    archive: str
    image: str
    commit: str
    dirty: bool = False
    source_archive: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    golden: Path | None = None
    metrics: Path | None = None
    baseline: Path | None = None
    training: Mapping[str, object] = field(default_factory=dict)
    without_golden: bool = False


@dataclass(frozen=True)
class CreatedRelease:
    """A release that now exists. `created` is False when identical content was there; `notes` tell the story."""

    release: Release
    created: bool
    uploaded_bytes: int = 0
    copied_bytes: int = 0
    notes: tuple[str, ...] = ()
