"""Real processes: `serve` and `train` as SageMaker starts them, and the image built once for all tests."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from glue.oci.build import build_image
from glue.oci.layout import BuiltImage
from models import local

REPOSITORY = Path(__file__).resolve().parents[2]
PORTS = iter(range(4772, 4780))
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Program:
    """A running `serve`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def invoke(self, body: bytes, content_type: str = "text/plain", **headers: str) -> tuple[int, bytes]:
        return self.request("POST", "/invocations", body, {"Content-Type": content_type, **headers})

    def ping(self) -> int | None:
        try:
            return self.request("GET", "/ping")[0]
        except OSError:
            return None

    def wait_for_ping(self, status: int = 200, seconds: float = 20) -> None:
        until = time.monotonic() + seconds
        while self.ping() != status:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.02)

    def stop(self, seconds: float = 15) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


Serve = Callable[..., Program]


def free_port() -> int:
    """A port that is free now; the tests of other folders have other ranges."""
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start `serve` for a model folder; every started one is stopped at the end."""
    started: list[Program] = []

    def start(
        model_dir: Path, *, environ: Mapping[str, str] | None = None, command: list[str] | None = None, **extra: str
    ) -> Program:
        port, log = free_port(), tmp_path / f"serve-{len(started)}.log"
        own = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "SLIPWAY_MODEL_PACKAGE": "models.ranker",
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
            "SM_MODEL_DIR": str(model_dir),
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "SLIPWAY_BIND_HOST": "127.0.0.1",
        }
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command or [sys.executable, str(REPOSITORY / "image" / "bin" / "serve")],
                env={**own, **(environ or {}), **extra},
                stderr=stream,
                stdout=stream,
            )
        started.append(Program(process, port, log))
        return started[-1]

    yield start
    for program in started:
        try:
            program.stop(5)
        except subprocess.TimeoutExpired:
            program.process.kill()
            program.process.wait()


@pytest.fixture
def archive_model(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a model folder whose handler is the given code."""

    def make(code: str) -> Path:
        folder = tmp_path / "model"
        (folder / "code").mkdir(parents=True)
        (folder / "code" / "inference.py").write_text(code)
        return folder

    return make


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> local.Trained:
    """The ranker, trained once by the image's program."""
    return local.train("ranker", output=tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session")
def model_dir(trained: local.Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, unpacked as SageMaker does."""
    folder = tmp_path_factory.mktemp("opt-ml-model")
    with tarfile.open(trained.archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def image_cache() -> Path:
    """The checkout's own cache: the packages layer is made once, for tests, sandbox and demo together."""
    return REPOSITORY / ".slipway" / "images"


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory, image_cache: Path) -> BuiltImage:
    """The ranker's image."""
    return build_image(
        "ranker",
        commit=COMMIT,
        repository=REPOSITORY,
        output=tmp_path_factory.mktemp("image"),
        cache=image_cache,
    )


@pytest.fixture(scope="session")
def rootfs(image: BuiltImage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's layers, unpacked over each other."""
    folder = tmp_path_factory.mktemp("rootfs")
    for layer in image.layers:
        with tarfile.open(image.blob(layer.digest)) as tar:
            tar.extractall(folder, filter="tar")
    return folder
