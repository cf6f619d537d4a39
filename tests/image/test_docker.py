"""Building with Docker, as far as it can be proven without a container engine: tests/image/fake_docker.py stands in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from glue.cli.main import main
from glue.errors import SlipwayError, UsageError
from glue.oci import layout, manifest
from glue.oci.docker import build_with_docker, unavailable
from glue.oci.layer import DOCKER_LAYER, File, write_layer
from glue.oci.layout import BuiltImage
from glue.workspace import Workspace
from tests.image.conftest import COMMIT, REPOSITORY
from tests.image.test_layers import no_packages, small_repository

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
BASE = "python:3.11@sha256:" + "a" * 64


class FakeDocker:
    """What the stand-in answers, and how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        program = folder / "bin" / "docker"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {REPOSITORY}/tests/image/fake_docker.py "$@"\n')
        program.chmod(0o755)
        (folder / "daemon-code").write_text("0")
        self.environ = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "FAKE_DOCKER": str(folder)}
        self.answer()

    def answer(self, *, layer_type: str = OCI_LAYER, said: str | None = None, **labels: str) -> str:
        """Make the layout that the build hands out, as buildx writes it, and return its digest."""
        source = self.folder / "file"
        source.write_text("an operating system, more or less")
        layer = write_layer([File("bin/sh", source)], self.folder / "layer.tar.gz")
        target = self.folder / "layout"
        layout.put_file(target, layer.path, layer.digest)
        described = manifest.Descriptor(layer_type, layer.digest, layer.size, layer.diff_id)
        labels = {"org.opencontainers.image.revision": COMMIT, "slipway.model": "toy", **labels}
        config = manifest.config_bytes([described], architecture="amd64", labels=labels, base={})
        written = layout.put_bytes(target, config, "application/vnd.oci.image.config.v1+json")
        document = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": written.as_json(),
            "layers": [described.as_json()],
        }
        image = layout.put_bytes(target, json.dumps(document).encode(), str(document["mediaType"]))
        layout.write_index(target, image, architecture="amd64")
        (self.folder / "metadata.json").write_text(json.dumps({"containerimage.digest": said or image.digest}))
        return layer.digest

    @property
    def builds(self) -> list[list[str]]:
        calls = [json.loads(line)["argv"] for line in (self.folder / "calls.jsonl").read_text().splitlines()]
        return [argv for argv in calls if argv[:2] == ["buildx", "build"]]


@pytest.fixture
def docker(tmp_path: Path) -> FakeDocker:
    return FakeDocker(tmp_path / "docker")


@pytest.fixture
def build(docker: FakeDocker, tmp_path: Path) -> Callable[..., BuiltImage]:
    checkout = small_repository(tmp_path / "checkout")

    def run(**more: Any) -> BuiltImage:
        given: Mapping[str, Any] = {"commit": COMMIT, "architecture": "amd64", "environ": docker.environ, **more}
        return build_with_docker("toy", repository=checkout, **given)

    return run


def test_docker_is_asked_for_the_dockerfile_with_model_commit_and_platform(
    build: Callable[..., BuiltImage], docker: FakeDocker, tmp_path: Path
) -> None:
    build(base=BASE)
    argv = docker.builds[0]
    checkout = tmp_path / "checkout"
    assert argv[argv.index("--file") + 1] == str(checkout / "image" / "Dockerfile")
    assert argv[argv.index("--platform") + 1] == "linux/amd64"
    given = [argv[at + 1] for at, word in enumerate(argv) if word == "--build-arg"]
    assert given == ["MODEL=toy", f"COMMIT={COMMIT}", "SOURCE_DATE_EPOCH=0", f"BASE={BASE}"]
    assert {"--provenance=false", "--sbom=false"} <= set(argv)
    assert argv[-1] == str(checkout)
    assert not any("password" in word or word == "--push" for word in argv)


def test_every_argument_that_is_given_is_one_of_the_dockerfile(
    build: Callable[..., BuiltImage], docker: FakeDocker
) -> None:
    build(base=BASE)
    argv = docker.builds[0]
    given = {argv[at + 1].partition("=")[0] for at, word in enumerate(argv) if word == "--build-arg"}
    text = (REPOSITORY / "image" / "Dockerfile").read_text()
    declared = {line.split()[1].partition("=")[0] for line in text.splitlines() if line.startswith("ARG ")}
    assert given - {"SOURCE_DATE_EPOCH"} == declared  # that one is BuildKit's own


def test_the_image_is_what_docker_built_under_a_manifest_that_sagemaker_takes(
    build: Callable[..., BuiltImage], docker: FakeDocker, tmp_path: Path
) -> None:
    layer = docker.answer()
    built = build()
    stored = layout.load(tmp_path / "checkout" / "build" / "images" / "toy")
    assert stored.digest == built.digest
    assert built.media_type == manifest.DOCKER_MANIFEST
    assert [(it.digest, it.media_type) for it in stored.layers] == [(layer, DOCKER_LAYER)]
    assert (built.model, built.commit) == ("toy", COMMIT)
    assert build().digest == built.digest
    assert not list((tmp_path / "checkout" / "build" / "images").glob(".toy-*")), "nothing is left behind"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"org.opencontainers.image.revision": "f" * 40}, "Docker built another image than was asked for"),
        ({"slipway.model": "other"}, "Docker built another image than was asked for"),
        ({"said": "sha256:" + "1" * 64}, "says that it built sha256:1111"),
        ({"layer_type": "application/vnd.oci.image.layer.v1.tar+zstd"}, "schema 2 takes gzip only"),
    ],
)
def test_what_docker_hands_over_is_not_believed(
    build: Callable[..., BuiltImage], docker: FakeDocker, tmp_path: Path, answer: dict[str, str], said: str
) -> None:
    before = build().digest
    docker.answer(**answer)
    with pytest.raises(SlipwayError, match=said):
        build()
    assert layout.load(tmp_path / "checkout" / "build" / "images" / "toy").digest == before


def test_another_architecture_is_noticed(build: Callable[..., BuiltImage]) -> None:
    with pytest.raises(SlipwayError, match="architecture amd64"):
        build(architecture="arm64")


def test_errors_of_docker_are_told(build: Callable[..., BuiltImage], docker: FakeDocker) -> None:
    (docker.folder / "error.txt").write_text("#7 ERROR: no matching hash\nfailed to solve\n")
    with pytest.raises(SlipwayError, match=r"docker buildx build failed \(1\):\n#7 ERROR: no matching hash"):
        build()
    (docker.folder / "error.txt").write_text("ERROR: OCI exporter is not supported for the docker driver.\n")
    with pytest.raises(SlipwayError) as caught:
        build()
    assert "docker buildx create" in str(caught.value)


def test_a_base_without_digest_and_an_unknown_model_are_usage_errors(build: Callable[..., BuiltImage]) -> None:
    with pytest.raises(UsageError, match=r"the base 'python:3\.11' has no digest"):
        build(base="python:3.11")
    with pytest.raises(UsageError, match="is not a git commit id"):
        build(commit="main")


def test_whether_docker_can_build_here(docker: FakeDocker, tmp_path: Path, build: Callable[..., BuiltImage]) -> None:
    assert unavailable(docker.environ) is None
    (docker.folder / "daemon-code").write_text("1")
    assert unavailable(docker.environ) == "no docker daemon answers"
    assert unavailable({"PATH": str(tmp_path)}) == "there is no docker on PATH"
    with pytest.raises(UsageError, match="no docker daemon answers") as caught:
        build()
    assert "--with oci" in str(caught.value)


def test_the_command_takes_docker_where_it_works_and_says_why_not(
    docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout = small_repository(tmp_path / "checkout")
    where = Workspace(checkout, checkout / "environments", checkout / ".slipway")
    monkeypatch.setattr(Workspace, "find", classmethod(lambda cls, environ=None: where))
    monkeypatch.setattr("glue.oci.build.packages_layer", no_packages)
    for name, value in docker.environ.items():
        monkeypatch.setenv(name, value)
    words = ["image", "build", "--model", "toy", "--commit", COMMIT, "--architecture", "amd64", "--format", "json"]

    def build(*more: str) -> tuple[int, Any, str]:
        code, said = main([*words, *more]), capsys.readouterr()
        return code, json.loads(said.out), said.err

    code, document, said = build("--with", "auto")
    assert (code, document["with"], said) == (0, "docker", "built with Docker\n")
    (checkout / ".slipway" / "images").mkdir(parents=True)
    (docker.folder / "daemon-code").write_text("1")
    code, document, said = build("--with", "auto")
    assert (code, document["with"]) == (0, "oci")
    assert said == "built without Docker, as plain layers: no docker daemon answers\n"
    assert build("--with", "docker")[0] == 2
    assert build()[1]["with"] == "oci", "a rehearsal does not depend on whether Docker happens to run"
    assert len(docker.builds) == 1
