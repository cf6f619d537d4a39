"""Builds a model's image from image/Dockerfile with Docker, into the same kind of folder as `glue.oci.build`.

Docker only builds: the image comes out as an OCI layout, every blob is checked against its digest, and it is pushed
through ECR's own API like any other. So there is one way to push, and Docker gets no registry credentials. The manifest
is written anew as Docker's schema 2, which SageMaker takes; config and layers stay byte for byte.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from glue.errors import SlipwayError, UsageError
from glue.oci import layout
from glue.oci.build import check_model, finish, image_commit
from glue.oci.layer import DOCKER_LAYER
from glue.oci.layout import BuiltImage
from glue.oci.manifest import Descriptor
from glue.oci.packages import host_architecture, locked

_LOOK_S, _BUILD_S = 30, 3600
_NO_LAYOUTS = "exporter is not supported for the docker driver"


def unavailable(environ: Mapping[str, str] | None = None) -> str | None:
    """Return why Docker cannot build here, None when it can: program, buildx, and a daemon that answers."""
    environ = os.environ if environ is None else environ
    docker = shutil.which("docker", path=environ.get("PATH"))
    if docker is None:
        return "there is no docker on PATH"
    for words, missing in (
        (("buildx", "version"), "docker has no buildx"),
        (("version", "--format", "{{.Server.Version}}"), "no docker daemon answers"),
    ):
        try:
            done = subprocess.run(
                [docker, *words], env=dict(environ), capture_output=True, check=False, timeout=_LOOK_S
            )
        except (OSError, subprocess.TimeoutExpired):
            return missing
        if done.returncode != 0:
            return missing
    return None


def build_with_docker(
    model: str,
    *,
    repository: Path,
    commit: str | None = None,
    output: Path | None = None,
    base: str | None = None,
    architecture: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> BuiltImage:
    """Build the image of `models/<model>` with `docker buildx` and return it, in `output` (build/images/<model>).

    Without `commit` it is the checkout's, and everything that goes into the image must be committed. `base` is an image
    by digest instead of the Dockerfile's own.

    Raises UsageError for an unknown model or commit, a base without digest, or no Docker; RefusedError for uncommitted
    files; SlipwayError when the build fails, or gave another image than was asked for.
    """
    environ = os.environ if environ is None else environ
    check_model(model, repository)
    if base is not None and "@sha256:" not in base:
        raise UsageError(f"the base {base!r} has no digest", remedy="Give it as name@sha256:<digest>: tags move.")
    reason = unavailable(environ)
    if reason is not None:
        raise UsageError(reason, remedy="Build --with oci: the same layers, without an operating system.")
    commit = image_commit(model, repository, commit)
    architecture = architecture or host_architecture()
    target = output or repository / "build" / "images" / model
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        locked(target.with_name(target.name + ".lock")),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{model}-") as scratch,
    ):
        built = Path(scratch) / "image"
        arguments = {"MODEL": model, "COMMIT": commit, "SOURCE_DATE_EPOCH": "0"} | ({"BASE": base} if base else {})
        _run(_command(repository, built, Path(scratch) / "metadata.json", arguments, architecture), environ)
        image = layout.load(built)
        config = layout.read_config(built, image.config)
        _check(config, arguments, architecture)
        _compare(image, Path(scratch) / "metadata.json")
        layers = [_docker_layer(layer) for layer in image.layers]
        for layer in layers:
            layout.put_file(target, image.blob(layer.digest), layer.digest)
        data = image.blob(image.config.digest).read_bytes()
        return finish(target, data, layers, model=model, commit=commit, architecture=architecture)


def _command(
    repository: Path, output: Path, metadata: Path, arguments: Mapping[str, str], architecture: str
) -> list[str]:
    """Return the command line (https://docs.docker.com/reference/cli/docker/buildx/build/)."""
    command = ["docker", "buildx", "build", "--file", str(repository / "image" / "Dockerfile")]
    command += ["--platform", f"linux/{architecture}", "--provenance=false", "--sbom=false"]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    # compressed as gzip in any case: a base's layers may be of another kind, which schema 2 does not know
    kind = f"type=oci,dest={output},tar=false,compression=gzip,force-compression=true,rewrite-timestamp=true"
    return [*command, "--output", kind, "--metadata-file", str(metadata), str(repository)]


def _run(command: list[str], environ: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=_BUILD_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise SlipwayError(f"docker buildx build took more than {_BUILD_S} s") from error
    if done.returncode == 0:
        return
    if _NO_LAYOUTS in done.stderr:
        raise SlipwayError(
            "Docker's default builder cannot write an image into a folder",
            remedy="Make one that can: docker buildx create --name slipway --driver docker-container --use",
        )
    tail = "\n".join(done.stderr.strip().splitlines()[-15:])
    raise SlipwayError(f"docker buildx build failed ({done.returncode}):\n{tail}")


def _check(config: Mapping[str, object], arguments: Mapping[str, str], architecture: str) -> None:
    """Raise SlipwayError unless the image says itself that it is the one that was asked for."""
    settings = config.get("config")
    labels = settings.get("Labels") if isinstance(settings, Mapping) else None
    wanted = {"org.opencontainers.image.revision": arguments["COMMIT"], "slipway.model": arguments["MODEL"]}
    said = {name: labels.get(name) for name in wanted} if isinstance(labels, Mapping) else {}
    if said != wanted or config.get("architecture") != architecture:
        raise SlipwayError(
            f"Docker built another image than was asked for: labels {said}, architecture {config.get('architecture')}",
            remedy="image/Dockerfile must set the labels org.opencontainers.image.revision and slipway.model.",
        )


def _compare(image: BuiltImage, metadata: Path) -> None:
    """Raise SlipwayError when Docker names another digest than its folder holds."""
    try:
        said = json.loads(metadata.read_text(encoding="utf-8")).get("containerimage.digest")
    except (OSError, ValueError, AttributeError) as error:
        raise SlipwayError(f"docker buildx did not say what it built: {error}") from error
    if said != image.digest:
        raise SlipwayError(f"docker buildx says that it built {said}, and its folder holds {image.digest}")


def _docker_layer(layer: Descriptor) -> Descriptor:
    if not layer.media_type.endswith("gzip"):
        raise SlipwayError(f"Docker made a layer of type {layer.media_type}; schema 2 takes gzip only")
    return replace(layer, media_type=DOCKER_LAYER)
