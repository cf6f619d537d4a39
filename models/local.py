"""Trains a model on this machine with the image's own `train` program, and packs what SageMaker would pack.

    python -m models.local ranker --set rounds=200 --set leaves=15 --output build/models/ranker

writes `model.tar.gz`: the same bytes for the same code, data and settings.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from glue.oci.layer import File, sha256_file, write_layer

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Trained:
    """A packed model: its archive, `sha256:<hex>` of it, and the metrics that the training wrote."""

    archive: Path
    digest: str
    metrics: Mapping[str, float]


def train(
    model: str,
    *,
    output: Path,
    hyperparameters: Mapping[str, str] | None = None,
    channels: Mapping[str, Path] | None = None,
) -> Trained:
    """Train `models/<model>` in a temporary folder and return its archive in `output`.

    Raises RuntimeError with the failure file's words when the program fails.
    """
    with tempfile.TemporaryDirectory(prefix="slipway-train-") as scratch:
        job = Path(scratch)
        environ = _environment(model, job, hyperparameters or {}, channels or {})
        program = [sys.executable, str(REPOSITORY / "image" / "bin" / "train")]
        result = subprocess.run(program, env=environ, check=False, stdout=sys.stderr)
        if result.returncode != 0:
            failure = job / "output" / "failure"
            reason = failure.read_text(encoding="utf-8") if failure.is_file() else f"exit code {result.returncode}"
            raise RuntimeError(f"training {model} failed: {reason}")
        return pack(job / "model", output / "model.tar.gz")


def pack(folder: Path, archive: Path) -> Trained:
    """Pack a saved model: sorted names, no times, no owners. Raises OSError when the folder cannot be read."""
    files = [File(path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")) if path.is_file()]
    write_layer(files, archive)
    metrics = folder / "metrics.json"
    values = json.loads(metrics.read_text(encoding="utf-8")) if metrics.is_file() else {}
    return Trained(archive, sha256_file(archive), values)


def _environment(
    model: str, job: Path, hyperparameters: Mapping[str, str], channels: Mapping[str, Path]
) -> dict[str, str]:
    names = {
        "PYTHONPATH": str(REPOSITORY),
        "SLIPWAY_MODEL_PACKAGE": f"models.{model}",
        "SM_MODEL_DIR": str(job / "model"),
        "SM_INPUT_DIR": str(job / "input"),
        "SM_OUTPUT_DIR": str(job / "output"),
        "SM_HPS": json.dumps(dict(hyperparameters)),
        "SM_CHANNELS": json.dumps(sorted(channels)),
    }
    names |= {f"SM_CHANNEL_{name.upper()}": str(path.resolve()) for name, path in channels.items()}
    return {key: value for key, value in os.environ.items() if not key.startswith("SM_")} | names


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    return name, value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0, or 1 when the training failed."""
    parser = argparse.ArgumentParser(prog="python -m models.local", description="Train a model on this machine.")
    parser.add_argument("model", choices=sorted(path.parent.name for path in REPOSITORY.glob("models/*/train.py")))
    parser.add_argument("--set", dest="settings", metavar="NAME=VALUE", type=_pair, action="append", default=[])
    parser.add_argument("--channel", dest="channels", metavar="NAME=DIR", type=_pair, action="append", default=[])
    parser.add_argument("--output", type=Path, help="folder of model.tar.gz (default: build/models/<model>)")
    options = parser.parse_args(arguments)
    try:
        trained = train(
            options.model,
            output=options.output or REPOSITORY / "build" / "models" / options.model,
            hyperparameters=dict(options.settings),
            channels={name: Path(folder) for name, folder in options.channels},
        )
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    document = {"archive": str(trained.archive), "digest": trained.digest, "metrics": dict(trained.metrics)}
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
