"""Two commands for the ranker's people.

python -m models.ranker data FOLDER   writes the synthetic training data as a job's channels
python -m models.ranker table         prints the README's metric table, from two trainings
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import data
from .settings import Settings, load
from .train import evaluate, fit


def table(settings: Settings) -> str:
    """Return the Markdown table of both releases and both baselines, on the held-out queries."""
    log, judged = data.synthesize(settings)
    grades = data.labels(log, settings.clicks)
    rows: list[tuple[str, float]] = []
    results: dict[str, float] = {}
    for name, parameters in (("first", settings.hyperparameters), ("better", settings.better)):
        results = evaluate(fit(log, grades, parameters), log, grades, judged, seed=parameters.seed)
        label = f"{name}: {parameters.rounds} rounds, {parameters.leaves} leaves"
        rows.append((label, results["ndcg_at_10"]))
    baselines = [
        ("random order", results["ndcg_at_10_random"]),
        ("best single feature", results["ndcg_at_10_single_feature"]),
    ]
    lines = [f"| {name} | {value:.3f} |" for name, value in (*baselines, *rows)]
    return "\n".join(["| order by | NDCG@10 |", "| --- | --- |", *lines]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m models.ranker")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("data", help="write the synthetic training data").add_argument("folder", type=Path)
    commands.add_parser("table", help="print the metric table")
    options = parser.parse_args(arguments)
    if options.command == "data":
        for name, folder in data.write_channels(load(), options.folder).items():
            sys.stdout.write(f"{name} {folder}\n")
    else:
        sys.stdout.write(table(load()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
