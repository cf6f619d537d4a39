"""Archives and keys come from people: nothing of them may leave the folder that they are unpacked in."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.runtime.archive import ArchiveError, unpack
from sandbox.runtime.container import StartError, download_prefix

from .conftest import BUCKET, World


def member(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 1) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size if kind == tarfile.REGTYPE else 0
    return info


def packed(*members: tarfile.TarInfo) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for one in members:
            archive.addfile(one, io.BytesIO(b"x" * one.size))
    buffer.seek(0)
    return buffer


def test_files_and_folders_arrive(tmp_path: Path) -> None:
    unpack(packed(member("deep", kind=tarfile.DIRTYPE), member("deep/model.bin", size=5)), tmp_path / "model")
    assert (tmp_path / "model" / "deep" / "model.bin").read_bytes() == b"xxxxx"


@pytest.mark.parametrize(
    "bad",
    [
        member("../outside"),
        member("deep/../../outside"),
        member("link", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        member("link", kind=tarfile.SYMTYPE, link="../../outside"),
        member("link", kind=tarfile.LNKTYPE, link="../../outside"),
        member("pipe", kind=tarfile.FIFOTYPE),
        member("device", kind=tarfile.CHRTYPE),
    ],
)
def test_what_leads_out_or_is_no_file_is_refused(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    with pytest.raises(ArchiveError):
        unpack(packed(member("good"), bad), tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_absolute_path_stays_inside(tmp_path: Path) -> None:
    unpack(packed(member("/model.bin")), tmp_path / "model")
    assert (tmp_path / "model" / "model.bin").is_file()


@pytest.mark.parametrize("bounds", [{"max_bytes": 10}, {"max_files": 2}])
def test_archives_without_end_are_refused(tmp_path: Path, bounds: dict[str, int]) -> None:
    with pytest.raises(ArchiveError, match="grows beyond"):
        unpack(packed(*(member(f"f{number}", size=5) for number in range(3))), tmp_path / "model", **bounds)


@pytest.mark.parametrize("spoil", [lambda raw: raw[: len(raw) // 2], lambda raw: b"no archive", lambda raw: b""])
def test_broken_archives_are_refused(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    raw = spoil(packed(member("model.bin", size=50_000)).getvalue())
    with pytest.raises(ArchiveError):
        unpack(io.BytesIO(raw), tmp_path / "model")


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("data/", ["a.csv", "deep/b.csv"]),
        ("data", ["a.csv", "deep/b.csv", "database.csv"]),
        ("data/a.csv", ["a.csv"]),
        ("data/deep", ["b.csv"]),
    ],
)
def test_prefixes_become_files(world: World, tmp_path: Path, prefix: str, expected: list[str]) -> None:
    s3: Any = world.client("s3")
    for key in ("data/a.csv", "data/deep/b.csv", "data/empty/", "database.csv"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    target = tmp_path / "channel"
    target.mkdir()
    assert download_prefix(s3, BUCKET, prefix, target) == len(expected)
    found = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert found == sorted(expected)


def test_keys_that_lead_out_are_refused(world: World, tmp_path: Path) -> None:
    s3: Any = world.client("s3")
    s3.put_object(Bucket=BUCKET, Key="data/../../../out", Body=b"1")
    with pytest.raises(StartError, match="leads out"):
        download_prefix(s3, BUCKET, "data/", tmp_path)
