"""Builds a model's image: packages, the programs `train` and `serve`, and the model's own code, a layer each."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from glue.core import names
from glue.errors import SlipwayError, UsageError
from glue.oci import layout, manifest
from glue.oci.layer import DOCKER_LAYER, File, Layer, tree, write_layer
from glue.oci.layout import BuiltImage
from glue.oci.manifest import Descriptor
from glue.oci.packages import host_architecture, locked, packages_layer
from glue.oci.source import COMMIT, committed

PROGRAM = "opt/program"
MODEL_SUFFIXES = frozenset({".csv", ".json", ".py", ".toml", ".txt", ".yaml", ".yml"})


def build_image(
    model: str,
    *,
    repository: Path,
    commit: str | None = None,
    output: Path | None = None,
    cache: Path | None = None,
    base: Path | None = None,
    architecture: str | None = None,
) -> BuiltImage:
    """Build the image of `models/<model>` and return it. The same files and commit give the same digest.

    `repository` is the checkout's folder. Without `commit` it is the checkout's, and everything that goes into the
    image must be committed. The image goes to `output` (default `build/images/<model>`) as an OCI image layout; the
    packages layer is kept in `cache` (default `.slipway/images`). `base` is a layout folder whose layers come first;
    without one the image holds no operating system: enough for the sandbox, which uses this machine's. `architecture`
    is amd64 or arm64, by default this machine's.

    Raises UsageError for an unknown model or commit, RefusedError for uncommitted files, SlipwayError when packages
    cannot be had or `base` is no image.
    """
    check_model(model, repository)
    commit = image_commit(model, repository, commit)
    architecture = architecture or host_architecture()
    target = output or repository / "build" / "images" / model
    cache = cache or repository / ".slipway" / "images"
    packages = packages_layer(repository / "requirements" / "image.txt", cache=cache, architecture=architecture)
    with locked(target.with_name(target.name + ".lock")):
        layers, base_config = _base(base, target)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".layers-") as scratch:
            program = write_layer(program_files(repository), Path(scratch) / "program.tar.gz")
            code = write_layer(model_files(repository, model), Path(scratch) / "model.tar.gz")
            for layer in (packages, program, code):
                layout.put_file(target, layer.path, layer.digest)
                layers.append(_descriptor(layer))
        labels = _labels(model, commit)
        config = manifest.config_bytes(layers, architecture=architecture, labels=labels, base=base_config)
        return finish(target, config, layers, model=model, commit=commit, architecture=architecture)


def check_model(model: str, repository: Path) -> None:
    """Raise UsageError, naming the models that there are, unless `models/<model>` is one."""
    if not names.MODEL_NAME.match(model) or not (repository / "models" / model / "inference.py").is_file():
        known = sorted(path.parent.name for path in (repository / "models").glob("*/inference.py"))
        raise UsageError(f"there is no model {model!r}", remedy=f"Known models: {', '.join(known) or 'none'}.")


def image_commit(model: str, repository: Path, commit: str | None) -> str:
    """Return the commit that an image is named after: the given one, else the checkout's, which must hold its files."""
    commit = commit or committed(repository, model)
    if not COMMIT.match(commit):
        raise UsageError(f"commit {commit!r} is not a git commit id", remedy="Give at least 7 hex digits.")
    return commit


def program_files(repository: Path) -> list[File]:
    """Return the files of the program layer: the programs of image/bin, and the package behind them."""
    image = repository / "image"
    programs = [replace(file, executable=True) for file in tree(image / "bin", f"{PROGRAM}/bin")]
    return [*programs, *tree(image / "slipway_runtime", f"{PROGRAM}/slipway_runtime", suffixes=frozenset({".py"}))]


def model_files(repository: Path, model: str) -> list[File]:
    """Return the files of the model layer: code and settings of `models/<model>`, no documentation."""
    return list(tree(repository / "models" / model, f"{PROGRAM}/slipway_model", suffixes=MODEL_SUFFIXES))


def _labels(model: str, commit: str) -> dict[str, str]:
    return {
        "org.opencontainers.image.revision": commit,
        "slipway.model": model,
        "slipway.python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def _base(base: Path | None, target: Path) -> tuple[list[Descriptor], Mapping[str, object]]:
    if base is None:
        return [], {}
    image = layout.load(base)
    for layer in image.layers:
        if not layer.media_type.endswith("gzip"):
            raise SlipwayError(f"{base} has a layer of type {layer.media_type}; schema 2 takes gzip only")
        layout.put_file(target, image.blob(layer.digest), layer.digest)
    return [
        Descriptor(DOCKER_LAYER, layer.digest, layer.size, layer.diff_id) for layer in image.layers
    ], layout.read_config(base, image.config)


def _descriptor(layer: Layer) -> Descriptor:
    return Descriptor(layer.media_type, layer.digest, layer.size, layer.diff_id)


def finish(
    target: Path, config: bytes, layers: list[Descriptor], *, model: str, commit: str, architecture: str
) -> BuiltImage:
    """Write config, manifest and index of an image whose layers lie in `target`, and return it."""
    described = layout.put_bytes(target, config, manifest.DOCKER_CONFIG)
    data = manifest.manifest_bytes(described, layers)
    image = layout.put_bytes(target, data, manifest.DOCKER_MANIFEST)
    layout.write_index(target, image, architecture=architecture)
    layout.drop_others(target, {image.digest, described.digest, *(layer.digest for layer in layers)})
    return BuiltImage(
        digest=image.digest,
        media_type=manifest.DOCKER_MANIFEST,
        manifest=data,
        config=described,
        layers=tuple(layers),
        path=target,
        model=model,
        commit=commit,
    )
