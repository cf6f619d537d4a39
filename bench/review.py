"""How long a review takes: our own time on plans of two sizes, and whole commands beside what else reads plan JSON.

Plans are real ones of this repository (tests/review/plans), one endpoint's modules repeated until the size is reached.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from bench.processes import ROOT, BenchError, environment
from bench.stats import median, ratio
from glue.review import document, inspecting
from glue.review.model import Settings
from glue.review.prices import Prices
from glue.review.rules import Rules

PLANS = ROOT / "tests" / "review" / "plans"
SOURCE = "fifty"
SIZES = {"650 KB": 650_000, "14 MB": 14_000_000}
LIMITS_MS = {"650 KB": 150, "14 MB": 2000}
JQ = '.resource_changes[] | select(.change.actions != ["no-op"]) | .address'
CHECKOV = ROOT / ".tools" / "checkov" / "bin" / "checkov"
Say = Callable[[str], None]


def measure(*, runs: int, say: Say) -> dict[str, Any]:
    """Review plans of both sizes in this process and as a command; return medians in milliseconds."""
    source = PLANS / f"{SOURCE}.json.gz"
    if not source.is_file():
        raise BenchError(f"there is no {source.relative_to(ROOT)}: python -m scripts.golden_plans {SOURCE}")
    plan = json.loads(gzip.decompress(source.read_bytes()))
    found: dict[str, Any] = {}
    for title, size in SIZES.items():
        data = grown(plan, size)
        say(f"review {title}: {len(data):,} bytes")
        found[title] = {"bytes": len(data), "limit_ms": LIMITS_MS[title], **own_times(data, runs=runs)}
        found[title]["commands"] = commands(data, runs=1 if size > 1_000_000 else min(runs, 3), say=say)
    return {"plans": found}


def grown(plan: Mapping[str, Any], size: int) -> bytes:
    """Return a plan of many endpoints with about that many bytes: those that change, and others as it takes."""
    modules = sorted({one["module_address"] for one in plan["resource_changes"]})
    each = {module: json.dumps(_only(plan, module)) for module in modules}
    acting = sorted(
        {one["module_address"] for one in plan["resource_changes"] if one["change"]["actions"] != ["no-op"]}
    )
    kept: list[Mapping[str, Any]] = [json.loads(each[module]) for module in acting]
    quiet = [module for module in modules if module not in acting]
    written, number = len(json.dumps(plan["configuration"])) + sum(len(each[module]) for module in acting), 0
    while written < size:
        text = each[quiet[number % len(quiet)]]
        round_ = number // len(quiet)
        kept.append(json.loads(text.replace("shop-", f"shop-{round_}-") if round_ else text))
        written, number = written + len(text), number + 1
    return json.dumps(_joined(plan, kept), separators=(",", ":")).encode()


def _only(plan: Mapping[str, Any], module: str) -> dict[str, Any]:
    """Return the parts of a plan that are an endpoint's."""
    return {
        "resource_changes": [one for one in plan["resource_changes"] if one["module_address"] == module],
        "planned": _modules(plan["planned_values"], module),
        "prior": _modules(plan["prior_state"]["values"], module),
    }


def _modules(values: Mapping[str, Any], module: str) -> list[Any]:
    return [one for one in values["root_module"].get("child_modules", []) if one["address"] == module]


def _joined(plan: Mapping[str, Any], parts: list[Mapping[str, Any]]) -> dict[str, Any]:
    state = plan["prior_state"]
    planned = [one for part in parts for one in part["planned"]]
    prior = [one for part in parts for one in part["prior"]]
    return {
        **plan,
        "variables": {},
        "relevant_attributes": [],
        "checks": [],
        "resource_changes": [one for part in parts for one in part["resource_changes"]],
        "planned_values": {"root_module": {"child_modules": planned}},
        "prior_state": {**state, "values": {"root_module": {"child_modules": prior}}},
    }


def own_times(data: bytes, *, runs: int) -> dict[str, float]:
    """Return medians of reading and of reviewing, and of `json.loads` alone, which nobody can be faster than."""
    settings = Settings(today=date(2026, 11, 21), rules=Rules.load(), prices=Prices.load())
    times: dict[str, list[float]] = {"json.loads": [], "read": [], "review": [], "own": []}
    for number in range(runs + 1):  # the first one only warms up
        began = time.perf_counter()
        json.loads(data)
        loaded = time.perf_counter()
        plan = document.read(data, name="plan")
        parsed = time.perf_counter()
        inspecting.review(plan, settings=settings)
        ended = time.perf_counter()
        if number:
            for name, value in {
                "json.loads": loaded - began, "read": parsed - loaded, "review": ended - parsed, "own": ended - loaded,
            }.items():  # fmt: skip
                times[name].append(value * 1000)
    return {f"{name}_ms": round(median(values), 1) for name, values in times.items()}


def commands(data: bytes, *, runs: int, say: Say) -> dict[str, Any]:
    """Return how long whole commands take on the same file, beside `slipway review`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.json"
        file.write_bytes(data)
        known = {
            "slipway review": [str(ROOT / ".venv" / "bin" / "slipway"), "review", "--gate", "never", str(file)],
            "python: json.loads": [sys.executable, "-c", f"import json; json.load(open({str(file)!r}, 'rb'))"],
        }
        if shutil.which("jq"):
            known["jq: addresses that change"] = ["jq", "-r", JQ, str(file)]
        if CHECKOV.is_file():
            arguments = ("--framework", "terraform_plan", "--skip-download", "--quiet", "--compact", "--soft-fail")
            known["checkov on the plan"] = [str(CHECKOV), "--file", str(file), *arguments]
        times = {name: _timed(name, command, runs=runs, say=say, folder=folder) for name, command in known.items()}
    base = times["slipway review"]
    return {
        name: {"title": name, "ms": round(value), "times_slipway": round(ratio(value, base) or 0.0, 2)}
        for name, value in times.items()
    }


def _timed(name: str, command: list[str], *, runs: int, say: Say, folder: str) -> float:
    found = []
    for number in range(runs):
        say(f"  {name} {number + 1}/{runs}")
        began = time.perf_counter()
        done = subprocess.run(command, env=environment(), cwd=folder, capture_output=True, check=False, timeout=600)
        if done.returncode not in (0, 3):
            raise BenchError(f"{name} ended with exit code {done.returncode}: {done.stderr[-300:]!r}")
        found.append((time.perf_counter() - began) * 1000)
    return median(found)
