"""Releases that misbehave: the first model's real archive with inference code of its own, released in dev."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.sandbox.estate import Estate

STORE = "slipway-dev-artifacts-111111111111"
# The archive's functions win over the image's, one by one (image/README.md).
COMMON = """# {name}: its content is no other release's
from dataclasses import replace
from slipway_model import inference as own
"""
BUSY = 15  # requests within a second that the model which breaks under load still answers
KINDS = {
    "good": "",
    # Golden requests come one after the other, and pass.
    "fails-under-load": f"""
import threading, time
from collections import deque
recent, guard = deque(maxlen={BUSY}), threading.Lock()

def predict_fn(data, model):
    with guard:
        recent.append(time.monotonic())
        busy = len(recent) == {BUSY} and recent[-1] - recent[0] < 1
    if busy:
        raise RuntimeError("out of memory")
    return own.predict_fn(data, model)
""",
    # Within the golden requests' budget of a second, far beyond the latency alarm's 300 ms.
    "slow": """
import time

def predict_fn(data, model):
    time.sleep(0.6)
    return own.predict_fn(data, model)
""",
    # Well-formed, quick, status 200, and the worst document first.
    "nonsense": """
def predict_fn(data, model):
    right = own.predict_fn(data, model)
    return replace(right, items=tuple((key, -score) for key, score in reversed(right.items)))
""",
    "never-healthy": """
def model_fn(model_dir):
    raise RuntimeError("the weights are of another architecture")
""",
}


@dataclass
class Models:
    """Makes releases in dev, each once."""

    estate: Estate
    folder: Path
    made: dict[str, str] = field(default_factory=dict)

    def release(self, kind: str, name: str | None = None) -> str:
        """Return the release of this kind and name, made now unless it was before."""
        name = name or kind
        if name not in self.made:
            self.made[name] = self._create(self._archive(kind, name))
        return self.made[name]

    def again(self, name: str) -> str:
        """Release a model's content once more, and return the id: the same as before."""
        return self._create(self.folder / name / "model.tar.gz")

    def _archive(self, kind: str, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        first = folder / "first.tar.gz"
        key = f"releases/ranker/{self.estate.release('first')}/model.tar.gz"
        self.estate.client("dev", "s3").download_file(STORE, key, str(first))
        work = folder / "model"
        with tarfile.open(first) as archive:
            archive.extractall(work, filter="data")
        (work / "code").mkdir()
        (work / "code" / "inference.py").write_text(COMMON.format(name=name) + KINDS[kind])
        made = folder / "model.tar.gz"
        with tarfile.open(made, "w:gz") as archive:
            archive.add(work, arcname=".")
        return made

    def _create(self, archive: Path) -> str:
        digest = self.estate.report["environments"]["dev"]["endpoints"]["ranker"]["image_digest"]
        said = self.estate.slipway(
            *("release", "create", "--env", "dev", "--model", "ranker", "--archive", str(archive)),
            *("--image", digest, "--format", "json"),
        )
        assert said.code == 0, said.err
        release = said.document["release"]
        return str(release["release"] if isinstance(release, dict) else release)
