"""Layers and images: the same input gives the same digest, and the documents are what a registry expects."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from glue.errors import RefusedError, SlipwayError, UsageError
from glue.oci import layout
from glue.oci.build import build_image, model_files, program_files
from glue.oci.layer import File, tree, write_layer
from glue.oci.layout import BuiltImage
from glue.oci.packages import packages_layer
from tests.image.conftest import COMMIT, REPOSITORY


def small_repository(folder: Path) -> Path:
    """A checkout with the real programs and a requirements file without packages: builds in milliseconds."""
    (folder / "requirements").mkdir(parents=True)
    (folder / "requirements" / "image.txt").write_text("# nothing\n")
    for name in ("bin", "slipway_runtime"):
        shutil.copytree(REPOSITORY / "image" / name, folder / "image" / name)
    (folder / "models" / "toy").mkdir(parents=True)
    (folder / "models" / "toy" / "inference.py").write_text("def model_fn(model_dir): return None\n")
    return folder


def no_packages(requirements: Path, *, cache: Path, architecture: str):  # type: ignore[no-untyped-def]
    return write_layer([File("opt/site-packages/none.txt", requirements)], cache / "none.tar.gz")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("glue.oci.build.packages_layer", no_packages)
    return small_repository(tmp_path / "checkout")


def test_times_modes_and_order_do_not_matter(tmp_path: Path) -> None:
    digests = set()
    for name, mtime, mode in (("one", 1, 0o600), ("two", 2_000_000_000, 0o664)):
        folder = tmp_path / name
        for file in ("b/c.py", "a.py") if name == "one" else ("a.py", "b/c.py"):
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file)
            path.chmod(mode)
            os.utime(path, (mtime, mtime))
        files = list(tree(folder, "opt/x"))
        digests.add(write_layer(files if name == "one" else reversed(files), tmp_path / f"{name}.tar.gz").digest)
    assert len(digests) == 1
    with tarfile.open(tmp_path / "two.tar.gz") as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == ["opt", "opt/x", "opt/x/b", "opt/x/a.py", "opt/x/b/c.py"]
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}
    assert [oct(member.mode) for member in members] == ["0o755"] * 3 + ["0o644"] * 2


def test_a_layer_never_reaches_outside(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    file = File("opt/x", tmp_path / "file")
    for bad in ("../x", "/etc/passwd", "opt//x", "", "opt/./x"):
        with pytest.raises(SlipwayError, match="plain path"):
            write_layer([File(bad, file.source)], tmp_path / "layer")
    with pytest.raises(SlipwayError, match="twice"):
        write_layer([file, file], tmp_path / "layer")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "hosts").symlink_to("/etc/hosts")
    with pytest.raises(SlipwayError, match="symbolic link"):
        list(tree(tmp_path / "links", "opt"))


def test_two_checkouts_give_one_digest_and_every_input_counts(small: Path, tmp_path: Path) -> None:
    def build(checkout: Path, name: str, commit: str = COMMIT) -> str:
        return build_image(
            "toy", commit=commit, repository=checkout, output=tmp_path / name, cache=tmp_path / "cache"
        ).digest

    other = small_repository(tmp_path / "elsewhere" / "checkout")
    first = build(small, "one")
    assert build(other, "two") == first
    assert build(small, "one") == first, "a second build into the same folder"
    assert build(small, "three", commit="abcdef0") != first
    (other / "models" / "toy" / "inference.py").write_text("def model_fn(model_dir): return 1\n")
    assert build(other, "two") != first
    blobs = {path.name for path in (tmp_path / "two" / "blobs" / "sha256").iterdir()}
    loaded = layout.load(tmp_path / "two")
    assert blobs == {
        digest.removeprefix("sha256:") for digest in (loaded.digest, *(blob.digest for blob in loaded.blobs))
    }


def test_only_code_goes_into_the_image(small: Path) -> None:
    toy = small / "models" / "toy"
    (toy / "README.md").write_text("no")
    (toy / ".env").write_text("SECRET=1")
    (toy / "weights.bin").write_text("no")
    (toy / "model.toml").write_text("")
    (toy / "__pycache__").mkdir()
    (toy / "__pycache__" / "x.py").write_text("no")
    names = [file.target for file in model_files(small, "toy")]
    assert names == ["opt/program/slipway_model/inference.py", "opt/program/slipway_model/model.toml"]
    programs = [file for file in program_files(small) if file.executable]
    names = sorted(path.name for path in (REPOSITORY / "image" / "bin").iterdir())
    assert {"serve", "train"} <= set(names)
    assert [file.target for file in programs] == [f"opt/program/bin/{name}" for name in names]


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_tag_names_a_commit_that_holds_the_files(small: Path, tmp_path: Path) -> None:
    def build() -> BuiltImage:
        return build_image("toy", repository=small, output=tmp_path / "out", cache=tmp_path / "cache")

    with pytest.raises(UsageError, match="is not a git checkout"):
        build()
    git(small, "init", "--quiet")
    git(small, "add", ".")
    git(small, "commit", "--quiet", "--message", "Begin")
    (small / "notes.txt").write_text("not of the image")
    (small / "models" / "toy" / "README.md").write_text("not of the image either")
    assert build().commit == git(small, "rev-parse", "HEAD")
    (small / "models" / "toy" / "new.py").write_text("")
    with pytest.raises(RefusedError, match=r"not committed: models/toy/new\.py"):
        build()
    assert build_image("toy", repository=small, commit=COMMIT, cache=tmp_path / "cache").commit == COMMIT
    (small / "models" / "toy" / "new.py").unlink()
    (small / ".gitignore").write_text("*.csv\n__pycache__/\n.*\n")
    (small / "models" / "toy" / "__pycache__").mkdir()
    (small / "models" / "toy" / "__pycache__" / "inference.pyc").write_text("")
    (small / "models" / "toy" / ".hidden").write_text("")
    assert build().commit == git(small, "rev-parse", "HEAD")
    (small / "models" / "toy" / "a b.csv").write_text("git does not look at it, the image would hold it")
    with pytest.raises(RefusedError, match=r"not committed: models/toy/a b\.csv"):
        build()
    (small / "models" / "toy" / "a b.csv").unlink()
    (small / "image" / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(RefusedError, match="not committed: image/Dockerfile"):
        build()


@pytest.mark.parametrize(("model", "commit"), [("absent", COMMIT), ("../toy", COMMIT), ("toy", "HEAD"), ("toy", "abc")])
def test_unknown_models_and_commits_are_refused(small: Path, tmp_path: Path, model: str, commit: str) -> None:
    with pytest.raises(UsageError):
        build_image(model, commit=commit, repository=small, output=tmp_path / "out", cache=tmp_path / "cache")


def test_the_manifest_and_config_are_docker_schema_2(image: BuiltImage) -> None:
    manifest = json.loads(image.manifest)
    assert hashlib.sha256(image.manifest).hexdigest() == image.digest.removeprefix("sha256:")
    assert manifest["schemaVersion"] == 2
    assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert manifest["config"]["mediaType"] == "application/vnd.docker.container.image.v1+json"
    assert {layer["mediaType"] for layer in manifest["layers"]} == {"application/vnd.docker.image.rootfs.diff.tar.gzip"}
    config = json.loads(image.blob(image.config.digest).read_bytes())
    assert config["config"]["Labels"]["org.opencontainers.image.revision"] == COMMIT
    assert config["config"]["Labels"]["slipway.model"] == "ranker"
    assert "PYTHONPATH=/opt/program:/opt/site-packages" in config["config"]["Env"]
    assert len(config["history"]) == len(manifest["layers"]) == 3
    for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        packed = image.blob(layer["digest"]).read_bytes()
        assert len(packed) == layer["size"]
        assert f"sha256:{hashlib.sha256(packed).hexdigest()}" == layer["digest"]
        assert f"sha256:{hashlib.sha256(gzip.decompress(packed)).hexdigest()}" == diff_id


def test_the_layout_reads_back_and_notices_damage(small: Path, tmp_path: Path) -> None:
    built = build_image("toy", commit=COMMIT, repository=small, output=tmp_path / "out", cache=tmp_path / "cache")
    loaded = layout.load(tmp_path / "out")
    assert (loaded.digest, loaded.layers, loaded.config) == (built.digest, built.layers, built.config)
    path = built.blob(built.layers[1].digest)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SlipwayError, match="other bytes"):
        layout.load(tmp_path / "out")
    path.unlink()
    with pytest.raises(SlipwayError, match="has no blob"):
        layout.load(tmp_path / "out")
    with pytest.raises(SlipwayError, match="not an OCI image layout"):
        layout.load(tmp_path)


def test_a_base_comes_first_and_its_entry_point_goes(small: Path, tmp_path: Path) -> None:
    common = {"commit": COMMIT, "repository": small, "cache": tmp_path / "cache"}
    base = build_image("toy", output=tmp_path / "base", **common)  # type: ignore[arg-type]
    config = json.loads(base.blob(base.config.digest).read_bytes())
    config["config"] |= {"Entrypoint": ["python3"], "Env": ["PATH=/nowhere", "LANG=C.UTF-8"], "User": "1000"}
    described = layout.put_bytes(base.path, json.dumps(config).encode(), base.config.media_type)
    manifest = json.loads(base.manifest) | {"config": described.as_json()}
    index = layout.put_bytes(base.path, json.dumps(manifest).encode(), base.media_type)
    layout.write_index(base.path, index, architecture="amd64")
    built = build_image("toy", output=tmp_path / "out", base=base.path, **common)  # type: ignore[arg-type]
    assert [layer.digest for layer in built.layers[:3]] == [layer.digest for layer in base.layers]
    settings = json.loads(built.blob(built.config.digest).read_bytes())["config"]
    assert "Entrypoint" not in settings
    assert settings["User"] == "1000"
    assert [item for item in settings["Env"] if item.startswith(("PATH", "LANG"))] == [
        "LANG=C.UTF-8",
        "PATH=/opt/program/bin:/usr/local/bin:/usr/bin:/bin",
    ]
    layout.load(built.path)


def test_the_packages_layer_holds_no_trace_of_this_machine(rootfs: Path) -> None:
    site = rootfs / "opt" / "site-packages"
    assert not (site / "bin").exists()
    assert not list(site.rglob("*.pyc"))
    records = sorted(site.glob("*.dist-info/RECORD"))
    assert len(records) >= 4
    for record in records:
        text = record.read_text()
        assert not [line for line in text.splitlines() if line.startswith("bin/")]
        assert "../" not in text
    assert {path.read_text().strip() for path in site.glob("*.dist-info/INSTALLER")} == {"pip"}


WHEEL = "narwhals==2.28.0 \\\n    --hash=sha256:{digest}\n"


def test_packages_are_built_once_and_a_damaged_cache_is_mended(tmp_path: Path) -> None:
    lines = (REPOSITORY / "requirements" / "image.txt").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("narwhals=="))
    end = next(number for number in range(start + 1, len(lines)) if not lines[number].startswith("    --hash"))
    requirements = tmp_path / "image.txt"
    requirements.write_text("\n".join(lines[start:end]) + "\n")
    first = packages_layer(requirements, cache=tmp_path / "cache", architecture="amd64")
    stamp = first.path.stat().st_mtime_ns
    assert packages_layer(requirements, cache=tmp_path / "cache", architecture="amd64") == first
    assert first.path.stat().st_mtime_ns == stamp, "the second build installs nothing"
    first.path.write_bytes(b"cut off")
    assert packages_layer(requirements, cache=tmp_path / "cache", architecture="amd64") == first
    assert packages_layer(requirements, cache=tmp_path / "other", architecture="amd64").digest == first.digest


def test_a_wheel_that_differs_from_its_hash_is_refused(tmp_path: Path) -> None:
    requirements = tmp_path / "image.txt"
    requirements.write_text(WHEEL.format(digest="0" * 64))
    with pytest.raises(SlipwayError, match=r"pip could not install image\.txt"):
        packages_layer(requirements, cache=tmp_path / "cache", architecture="amd64")
    assert not list((tmp_path / "cache").glob("packages-*/")), "nothing half done is left"
    with pytest.raises(UsageError, match="unknown architecture"):
        packages_layer(requirements, cache=tmp_path / "cache", architecture="vax")
