"""`python -m bench [--only NAME] [--runs N]`: measures, prints tables, writes build/bench/results.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench import copies, enforcing, invoking, queueing, report, review, serving, starting, tools
from bench.latency_s3 import BYTES_PER_S, CALL_S
from bench.processes import ROOT, BenchError, latency_s3

OUTPUT = ROOT / "build" / "bench" / "results.json"
RUNS = 3
# Peers that take a quarter of a minute each: two rounds say as much as three.
LONG_RUNS = 2
LONG = {"copy-large", "copy-small"}
SHORT_FACTOR = 3  # blocks of requests and starts of commands are short: more of them, closer together
Say = Callable[[str], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report. Exit codes: 0 done, 1 a benchmark could not be run (all others were)."""
    options = _parser().parse_args(arguments)
    names = options.only or list(report.SHOWN)
    signal.signal(signal.SIGTERM, _ended)
    began, machine = time.perf_counter(), _machine()  # the load of others, before ours
    results, failures = _measure(names, options.runs, options.jobs)
    document = {
        "schema": 1,
        "machine": machine,
        "runs": options.runs,
        "model": {"call_ms": CALL_S * 1000, "stream_mb_per_s": BYTES_PER_S / 1e6},
        "seconds": round(time.perf_counter() - began, 1),
        "results": results,
        "failures": failures,
    }
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(document, indent=2) + "\n")
    print(report.text(results))
    _closing(document)
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(report.SHOWN), metavar="NAME", help=", ".join(report.SHOWN)
    )
    parser.add_argument(
        "--runs",
        type=_positive,
        default=RUNS,
        metavar="N",
        help=f"rounds (default {RUNS}, the longest take {LONG_RUNS})",
    )
    parser.add_argument(
        "--jobs",
        type=_jobs,
        default=queueing.JOBS,
        metavar="N",
        help=f"jobs that the training queue is given (default {queueing.JOBS})",
    )
    return parser


def _positive(text: str, most: int = 100) -> int:
    number = int(text)
    if not 1 <= number <= most:
        raise argparse.ArgumentTypeError(f"a number from 1 to {most}")
    return number


def _jobs(text: str) -> int:
    return _positive(text, 100_000)


def _measure(names: Sequence[str], runs: int, jobs: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Return results and failures by benchmark; one that fails does not keep the others from running."""
    results: dict[str, Any] = {}
    failures: dict[str, str] = {}
    missing = tools.prepare(_say)
    if missing:
        failures["aws-cli"] = f"aws-cli takes no part, it could not be installed: {missing}"
    for name in names:
        try:
            results[name] = queueing.measure(jobs=jobs, say=_say) if name == "queue" else _one(name, runs)
        except BenchError as error:
            failures[name] = str(error)
            _say(f"{name} failed: {error}")
        if found := results.get(name, {}).get("violations"):
            failures[name] = f"{len(found)} promises were broken: {'; '.join(found[:5])}"
    return results, failures


def _one(name: str, runs: int) -> dict[str, Any]:
    short: Mapping[str, Callable[..., dict[str, Any]]] = {
        "serve": serving.measure,
        "sandbox": invoking.measure,
        "enforcement": enforcing.measure,
        "start": starting.measure,
        "review": review.measure,
    }
    if name in short:
        return short[name](runs=runs * SHORT_FACTOR, say=_say)
    with latency_s3() as remote:
        if name == copies.PROBE.name:
            return copies.behaviour(remote, say=_say)
        calls_a_second = copies.capacity(remote)
        scenario = next(one for one in copies.SCENARIOS if one.name == name)
        rounds = min(runs, LONG_RUNS) if name in LONG and runs == RUNS else runs
        found = copies.measure(remote, scenario, runs=rounds, say=_say)
        return {**found, "model_calls_per_second_without_delay": round(calls_a_second)}


def _machine() -> dict[str, Any]:
    return {
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def _closing(document: Mapping[str, Any]) -> None:
    machine = document["machine"]
    rates = [one[name] for one in document["results"].values() for name in one if name.startswith("model_calls")]
    if rates:
        print(
            f"\nCopies run on a model of S3: {CALL_S * 1000:.0f} ms a call and {BYTES_PER_S / 1e6:.0f} MB/s a stream; "
            f"without its delays it answers {min(rates)} calls a second or more."
        )
    for name, reason in document["failures"].items():
        print(f"\n{'Failed' if name in document['results'] else 'Not measured'}: {name}: {reason}")
    print(
        f"\n{document['seconds']:.0f} s on {machine['processors']} processors, load {machine['load_1m']} before; "
        f"compare ratios, not seconds. All figures: {OUTPUT.relative_to(ROOT)}"
    )
    if machine["load_1m"] > (machine["processors"] or 1) / 2:
        print("The machine was busy with something else: run it again when it is not.")


def _ended(*_: object) -> None:
    """End as after Ctrl-C: what was started is ended, too."""
    sys.exit(143)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
