"""How long commands take until they have said their help, beside `aws`, and functions until they are imported."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.contenders import AWS
from bench.processes import ROOT, BenchError, environment, run
from bench.stats import median, ratio

SLIPWAY = ROOT / ".venv" / "bin" / "slipway"
BASE = "slipway --help"
PACKAGE = ROOT / "build" / "functions" / "training-queue.zip"
HANDLERS = ("submit", "launch", "monitor", "finish", "release")  # the sweep is the monitor's second one
Say = Callable[[str], None]


def _commands(package: Path) -> dict[str, list[str]]:
    """Return the commands; a function's is the import of its handler from its package, as Lambda does it."""
    python = sys.executable
    path = f"import sys; sys.path.insert(0, {str(package)!r}); import queue_"
    commands = {
        "python -c pass": [python, "-c", "pass"],
        BASE: [str(SLIPWAY), "--help"],
        "slipway status --help": [str(SLIPWAY), "status", "--help"],
        "slipway promote --help": [str(SLIPWAY), "promote", "--help"],
        "import glue.cli.main": [python, "-c", "import glue.cli.main"],
        "import boto3": [python, "-c", "import boto3"],
        **{f"training queue: {name}": [python, "-c", f"{path}{name}"] for name in HANDLERS},
    }
    if AWS.exists():
        commands["aws --version"] = [str(AWS), "--version"]
    return commands


def measure(*, runs: int, say: Say) -> dict[str, Any]:
    """Run each command in turn, after one run that only warms the disk's cache, and return medians."""
    with tempfile.TemporaryDirectory() as folder:
        if not PACKAGE.exists():
            raise BenchError(f"there is no {PACKAGE.relative_to(ROOT)}: `make build` makes it")
        with zipfile.ZipFile(PACKAGE) as archive:
            archive.extractall(folder)
        return _measured(_commands(Path(folder)), runs=runs, say=say)


def _measured(commands: dict[str, list[str]], *, runs: int, say: Say) -> dict[str, Any]:
    env = environment()
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        say(f"start {number}/{runs}: {len(commands)} commands")
        for name, command in commands.items():
            done = run(command, env=env, limit_s=30)
            if done.code:
                raise BenchError(f"{name} ended with exit code {done.code}: {done.said}")
            if number:
                times[name].append(done.seconds * 1000)
    base = median(times[BASE])
    return {
        "contenders": {
            name: {
                "title": name,
                "ms": round(median(found), 1),
                "times_slipway_help": round(ratio(median(found), base) or 0.0, 2),
            }
            for name, found in times.items()
        },
        "boto3_imported_by_help": _imports_boto3(),
    }


def _imports_boto3() -> bool:
    """Tell whether `slipway --help` loads the AWS SDK."""
    code = (
        "import sys, click.testing as t, glue.cli.main as m; r = t.CliRunner().invoke(m.cli, ['--help']); "
        "sys.exit(2 if r.exit_code else int('boto3' in sys.modules or 'botocore' in sys.modules))"
    )
    done = run([sys.executable, "-c", code], env=environment(PYTHONPATH=str(ROOT)))
    if done.code not in {0, 1}:
        raise BenchError(f"`slipway --help` does not work: {done.said}")
    return done.code == 1
