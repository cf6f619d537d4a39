"""The command, called in this process on three accounts that run in this process; golden files hold what it prints."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glue.aws.session import Session
from glue.cli.main import main
from glue.core.request import ReleaseRequest
from glue.releasing import create_release, plan_release
from tests.aws.conftest import (  # noqa: F401 - fixtures
    Estate,
    accounts,
    archive,
    dev,
    estate,
    model_members,
    push_image,
    qa,
    server,
)

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
ENVIRONMENT = """environment = {{
  name       = "{name}"
  account_id = "{account}"
  region     = "eu-west-1"
  owner      = "ml-platform"
  repository = "https://github.com/example/slipway"
  promotes_from = {source}
  models     = {{ ranker = {{}} }}
}}
"""
ENDPOINT = """endpoint = "ranker"
serving = {
  variants = {
    main = { model = "ranker", instance_type = "ml.m5.large", instance_count = 1 }
  }
}
"""


@dataclass(frozen=True)
class Said:
    """How a call ended: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder and a work folder of this test's own."""
    source = '{ name = "dev", account_id = "111111111111", region = "eu-west-1" }'
    for name, account, promotes in (("dev", "111111111111", "null"), ("qa", "222222222222", source)):
        folder = tmp_path / "environments" / name / "endpoints"
        folder.mkdir(parents=True)
        text = ENVIRONMENT.format(name=name, account=account, source=promotes)
        (folder.parent / "environment.tfvars").write_text(text)
        (folder.parent / "backend.hcl").write_text(f'bucket = "slipway-{name}-tfstate-{account}"\n')
        (folder / "ranker.tfvars").write_text(ENDPOINT)
    monkeypatch.setenv("SLIPWAY_ENVIRONMENTS", str(tmp_path / "environments"))
    monkeypatch.setenv("SLIPWAY_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def slipway(data: Path) -> Callable[..., Said]:
    """Call the command; paths of this test's folders are replaced, as they differ each time."""

    def call(*words: str) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(words)
        return Said(code, *(text.getvalue().replace(str(data), "<data>") for text in (out, err)))

    return call


@pytest.fixture(scope="package")
def image(dev: Session, qa: Session, estate: Estate) -> str:  # noqa: F811
    """An image in both registries; and the model package groups, which belong to a foundation too."""
    for session in (dev, qa):
        name = session.environment.name
        estate.client("sagemaker", name).create_model_package_group(ModelPackageGroupName=f"slipway-{name}-ranker")
        digest = push_image(session, "1a2b3c4", content=b'{"cli": 1}')
    return digest


@pytest.fixture(scope="package")
def release(dev: Session, image: str, tmp_path_factory: pytest.TempPathFactory) -> str:  # noqa: F811
    """A release in dev's store, with the same id each time."""
    path = tmp_path_factory.mktemp("release") / "model.tar.gz"
    path.write_bytes(archive(model_members(cli=b"1")))
    request = ReleaseRequest(model="ranker", archive=str(path), image=image, commit="1a2b3c4d")
    plan = plan_release(request, session=dev, clock=lambda: datetime(2026, 1, 31, 12, tzinfo=UTC))
    return create_release(plan, session=dev).release.release


def check_golden(name: str, text: str) -> None:
    """Compare with a golden file. GOLDEN=write writes it instead: read the difference before you commit it."""
    path = GOLDEN / f"{name}.txt"
    text = re.sub(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)", "<time>", text)
    text = re.sub(r"\br\d+-[0-9a-f]{8}\b", "r<number>-<hash>", text)
    text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:<digest>", text)
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()
