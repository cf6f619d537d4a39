"""Promises of the set-up: the right binary, a verified download, the mirror where there is one."""

import hashlib
import io
import zipfile

import pytest

from scripts import setup_terraform as setup

VERSION = "5.100.0"


def release(content: bytes = b"#!/bin/sh\n") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("LICENSE.txt", "text")
        archive.writestr("terraform", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.11.0", True), ("1.13.2", True), ("1.10.9", False), ("2.0.0", False), ("1.12.0-beta1", False), ("dev", False)],
)
def test_only_versions_that_the_roots_accept_fit(version: str, expected: bool) -> None:
    assert setup.fits(version) is expected


def test_a_release_with_the_pinned_checksum_is_installed_executable(tmp_path):
    archive, target = release(), tmp_path / "terraform"
    setup.unpack_verified(archive, sha256=hashlib.sha256(archive).hexdigest(), target=target)
    assert target.read_bytes() == b"#!/bin/sh\n"
    assert target.stat().st_mode & 0o111
    assert [path.name for path in tmp_path.iterdir()] == ["terraform"]


def test_a_release_with_another_checksum_installs_nothing(tmp_path):
    with pytest.raises(SystemExit, match="nothing was installed"):
        setup.unpack_verified(release(b"other"), sha256="0" * 64, target=tmp_path / "terraform")
    assert list(tmp_path.iterdir()) == []


def test_every_platform_of_the_pinned_version_has_a_checksum():
    pinned = setup.pinned_version((setup.ROOT / ".tool-versions").read_text())
    assert set(setup.CHECKSUMS[pinned]) == {"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"}


def mirror(folder, *, packed: bool = False, version: str = VERSION):
    provider = folder / setup.PROVIDER
    name = setup.platform_name()
    if packed:
        provider.mkdir(parents=True)
        (provider / f"terraform-provider-aws_{version}_{name}.zip").touch()
    else:
        (provider / version / name).mkdir(parents=True)
        (provider / version / name / f"terraform-provider-aws_v{version}_x5").touch()
    return folder


@pytest.mark.parametrize("packed", [True, False])
def test_the_named_mirror_comes_first_packed_or_not(tmp_path, packed):
    named, home = mirror(tmp_path / "named", packed=packed), tmp_path / "home"
    mirror(home / ".terraform.d/plugins")
    environment = {"TF_PROVIDER_MIRROR": str(named), "HOME": str(home)}
    assert setup.find_mirror(environment, VERSION) == named
    assert setup.find_mirror({"HOME": str(home)}, VERSION) == home / ".terraform.d/plugins"


def test_a_mirror_of_another_version_does_not_count(tmp_path, monkeypatch):
    named = mirror(tmp_path / "named", version="5.99.0")
    monkeypatch.setattr(setup, "mirror_folders", lambda environment: iter([named]))
    assert setup.find_mirror({}, VERSION) is None


def test_settings_name_the_mirror_or_leave_the_registry(tmp_path):
    assert f'path    = "{tmp_path}"' in setup.settings(tmp_path, tmp_path / "cache")
    assert "filesystem_mirror" not in setup.settings(None, tmp_path / "cache")


def test_the_providers_version_is_read_from_the_lock_file():
    lock = 'provider "registry.terraform.io/hashicorp/aws" {\n  version     = "5.100.0"\n}\n'
    assert setup.locked_version(lock) == VERSION
    with pytest.raises(SystemExit, match="names no version"):
        setup.locked_version("")
