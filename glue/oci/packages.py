"""The image's packages as one layer, from hash-pinned requirements; built once for each content of the file."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform as machine
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from glue.errors import SlipwayError, UsageError
from glue.oci.layer import Layer, sha256_file, tree, write_layer

SITE_PACKAGES = "opt/site-packages"
# Change it when the same requirements shall give other bytes: every cached layer is then built anew.
_BUILDER = "1"
_WHEEL_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# Newest first. glibc 2.28 is older than that of every image that SageMaker runs Python 3.11 on.
_WHEEL_TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")


def host_architecture() -> str:
    """Return this machine's architecture in the image's words: amd64 or arm64."""
    name = machine.machine().lower()
    return {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(name, name)


def packages_layer(requirements: Path, *, cache: Path, architecture: str) -> Layer:
    """Return the layer with every wheel of `requirements`, from `cache` when its bytes are still right.

    Raises UsageError for an unknown architecture, SlipwayError with pip's words when a wheel is missing or differs from
    its hash.
    """
    if architecture not in _WHEEL_MACHINES:
        raise UsageError(f"unknown architecture {architecture!r}", remedy="Use amd64 or arm64.")
    folder = cache / f"packages-{_key(requirements, architecture)}"
    with locked(folder.with_suffix(".lock")):
        found = _cached(folder)
        if found is None:
            shutil.rmtree(folder, ignore_errors=True)
            _build(requirements, folder, architecture)
            found = _cached(folder)
    if found is None:
        raise SlipwayError(f"the packages layer in {folder} differs from what was just written")
    return found


def _key(requirements: Path, architecture: str) -> str:
    pins = [line for line in requirements.read_text(encoding="utf-8").splitlines() if not line.strip().startswith("#")]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    text = "\n".join([_BUILDER, version, architecture, *pins])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _cached(folder: Path) -> Layer | None:
    try:
        stored = json.loads((folder / "layer.json").read_text(encoding="utf-8"))
        layer = Layer(**{**stored, "path": folder / "layer.tar.gz"})
        intact = sha256_file(layer.path) == layer.digest
    except (OSError, ValueError, TypeError):
        return None
    return layer if intact else None


def _build(requirements: Path, folder: Path, architecture: str) -> None:
    prefix = f".{folder.name}-"
    for left in folder.parent.glob(f"{prefix}*"):  # of a build that was killed; we hold its lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix) as scratch:
        site, done = Path(scratch) / "site", Path(scratch) / "done"
        _install(requirements, site, architecture)
        _make_deterministic(site)
        layer = write_layer(tree(site, SITE_PACKAGES), done / "layer.tar.gz")
        stored = {**asdict(layer), "path": "layer.tar.gz"}
        (done / "layer.json").write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
        done.rename(folder)


def _install(requirements: Path, target: Path, architecture: str) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--no-deps", "--no-compile", "--only-binary", ":all:"]
    command += ["--implementation", "cp", "--python-version", version, "--target", str(target)]
    for tag in _WHEEL_TAGS:
        command += ["--platform", f"{tag}_{_WHEEL_MACHINES[architecture]}"]
    command += ["--requirement", str(requirements)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if result.returncode != 0:
        words = " ".join(result.stderr.split())[-1500:]
        raise SlipwayError(
            f"pip could not install {requirements.name} for linux/{architecture}: {words}",
            remedy="Check the network or the package index, and that the file's hashes are of published wheels.",
        )


def _make_deterministic(site: Path) -> None:
    """Remove what depends on this machine: scripts with its paths, and their lines in each package's record."""
    shutil.rmtree(site / "bin", ignore_errors=True)
    for record in sorted(site.glob("*.dist-info/RECORD")):
        lines = record.read_text(encoding="utf-8").splitlines()
        kept = sorted(line for line in lines if not line.startswith(("bin/", "../../bin/")))
        record.write_text("\n".join(kept) + "\n", encoding="utf-8")
    for cache in sorted(site.rglob("__pycache__")):
        shutil.rmtree(cache)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting for it: two builds at once must not write the same files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
