"""The Dockerfile and the layers that are built without Docker describe the same image."""

from __future__ import annotations

import os
import pwd
import re

import pytest

from glue.oci.build import PROGRAM
from glue.oci.manifest import ENVIRONMENT
from glue.oci.packages import SITE_PACKAGES
from image.slipway_runtime.serve import gunicorn_options
from image.slipway_runtime.settings import SettingsError, serve_settings
from tests.image.conftest import REPOSITORY

DOCKERFILE = (REPOSITORY / "image" / "Dockerfile").read_text()


def test_the_dockerfile_makes_the_same_layout() -> None:
    for variable in ENVIRONMENT:
        assert f"{variable} " in DOCKERFILE
    assert f"COPY --from=packages /{SITE_PACKAGES} /{SITE_PACKAGES}" in DOCKERFILE
    for source, target in (
        ("image/bin", "bin"),
        ("image/slipway_runtime", "slipway_runtime"),
        ("models/${MODEL}", "slipway_model"),
    ):
        assert re.search(rf"^COPY .*{re.escape(source)} /{PROGRAM}/{target}$", DOCKERFILE, re.MULTILINE), source
    for label in ("org.opencontainers.image.revision", "slipway.model", "slipway.python"):
        assert f"{label}=" in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE


def test_the_base_is_pinned_by_digest() -> None:
    assert re.search(r"^ARG BASE=\S+:\S+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert set(bases) == {"${BASE}"}
    assert not re.search(r"^(ENTRYPOINT|CMD)", DOCKERFILE, re.MULTILINE), (
        "SageMaker's arguments are the programs' names"
    )


def test_workers_become_another_user_only_from_root(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    for given in ("nobody", str(nobody.pw_uid)):
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        options = gunicorn_options(serve_settings({"SLIPWAY_RUN_AS": given}))
        assert (options["user"], options["group"]) == (nobody.pw_uid, nobody.pw_gid)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert "user" not in gunicorn_options(serve_settings({"SLIPWAY_RUN_AS": given}))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(SettingsError, match="there is no such user here"):
        serve_settings({"SLIPWAY_RUN_AS": "no-such-user"})


def test_the_readme_names_every_variable_of_the_programs() -> None:
    readme = (REPOSITORY / "image" / "README.md").read_text()
    code = "".join(path.read_text() for path in (REPOSITORY / "image" / "slipway_runtime").glob("*.py"))
    variables = set(re.findall(r'"((?:SM|SLIPWAY|SAGEMAKER)_[A-Z_]+[A-Z])"', code)) | {"TRAINING_JOB_NAME"}
    assert len(variables) > 10
    assert [name for name in sorted(variables) if f"`{name}`" not in readme] == []
