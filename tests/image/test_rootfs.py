"""The key proof: the unpacked image alone, with a bare interpreter, trains the archive and serves it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from glue.core.golden import parse_golden
from glue.oci.layout import BuiltImage
from models import local
from tests.image.conftest import REPOSITORY, Program, Serve

# The interpreter below the virtual environment; `-S` keeps its own packages out.
BARE = [sys._base_executable, "-S"]  # type: ignore[attr-defined]  # CPython has it


def container(image: BuiltImage, rootfs: Path) -> dict[str, str]:
    """The image's own environment, its paths below the unpacked root; nothing of this process's."""
    config = json.loads(image.blob(image.config.digest).read_bytes())
    environ = dict(item.split("=", maxsplit=1) for item in config["config"]["Env"])
    for name in ("PATH", "PYTHONPATH"):
        environ[name] = ":".join(
            f"{rootfs}{path}" if path.startswith("/opt") else path for path in environ[name].split(":")
        )
    return environ


def test_the_image_trains_the_very_same_archive(
    image: BuiltImage, rootfs: Path, trained: local.Trained, tmp_path: Path
) -> None:
    environ = container(image, rootfs) | {
        "SM_MODEL_DIR": str(tmp_path / "model"),
        "SM_OUTPUT_DIR": str(tmp_path / "output"),
        "SM_HPS": "{}",
    }
    command = [*BARE, str(rootfs / "opt/program/bin/train")]
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=60, cwd=tmp_path)
    assert local.pack(tmp_path / "model", tmp_path / "model.tar.gz").digest == trained.digest


def test_the_image_serves_the_golden_requests_with_its_own_packages_only(
    image: BuiltImage, rootfs: Path, model_dir: Path, serve: Serve
) -> None:
    started = time.monotonic()
    program = serve(
        model_dir,
        environ={**container(image, rootfs), "SLIPWAY_MODEL_PACKAGE": ""},
        command=[*BARE, str(rootfs / "opt/program/bin/serve")],
    )
    program.wait_for_ping()
    startup = time.monotonic() - started
    for golden in parse_golden((model_dir / "golden" / "requests.json").read_bytes(), where="the archive"):
        status, body = program.invoke(golden.body, golden.content_type, Accept=golden.accept)
        assert (status, json.loads(body)) == (200, golden.expect)
    status, body = program.invoke(b"{}", "application/json")
    assert (status, json.loads(body)["error"]["status"]) == (400, 400)
    assert_many_callers_at_once_get_their_own_answers(program)
    maps = worker_maps(program.process.pid)
    assert str(rootfs / "opt/site-packages/lightgbm/lib/lib_lightgbm.so") in maps
    assert "/.venv/" not in maps
    assert str(REPOSITORY) not in maps
    assert program.stop() == 0
    assert startup < 5, "1 s alone on a machine; other work may run beside a test"


def assert_many_callers_at_once_get_their_own_answers(program: Program) -> None:
    def ask(number: int) -> tuple[int, list[float]]:
        features = [number / 100, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.1]
        document = {"query": "q", "documents": [{"id": number, "features": features}]}
        status, body = program.invoke(json.dumps(document).encode(), "application/json")
        return status, [item["score"] for item in json.loads(body)["ranking"]]

    alone = [ask(number) for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(60))) == alone
    assert {status for status, _ in alone} == {200}


def worker_maps(master: int) -> str:
    """The files that the worker of a server has mapped."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return "".join(Path(f"/proc/{child}/maps").read_text() for child in children)
