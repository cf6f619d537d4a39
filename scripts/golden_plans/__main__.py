"""Makes the plans, all or those named, and says how large each is."""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.golden_plans import own, shapes
from scripts.golden_plans.prior import STAMP
from scripts.golden_plans.together import Together
from scripts.golden_plans.workshop import FOLDER, Unplannable, workshop
from scripts.terraform_checks import ROOT

PLANS = ROOT / "tests" / "review" / "plans"


def in_order(value: Any) -> Any:
    """Return JSON with the lists in order that Terraform writes as they come."""
    if isinstance(value, dict):
        found = {key: in_order(inner) for key, inner in value.items()}
        if isinstance(found.get("child_modules"), list):
            found["child_modules"].sort(key=lambda one: one["address"])
        if isinstance(found.get("relevant_attributes"), list):
            found["relevant_attributes"].sort(key=json.dumps)
        return found
    return [in_order(inner) for inner in value] if isinstance(value, list) else value


def kept(shown: Mapping[str, Any]) -> bytes:
    """Return what is kept of a plan: everything, but for its time and where this checkout lies."""
    text = json.dumps(in_order({**shown, "timestamp": STAMP}), sort_keys=True, separators=(",", ":"))
    text = text.replace(str(FOLDER / "work"), "/work")
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def main() -> None:
    """Exit 1 when a plan could not be made; the others are."""
    parser = argparse.ArgumentParser(prog="python -m scripts.golden_plans", description=__doc__)
    every = {case.name: case for case in [*own.cases(), *shapes.cases()]}
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(every))
    parser.add_argument("--to", type=Path, default=PLANS, help="another folder")
    options = parser.parse_args()
    if unknown := set(options.names) - set(every):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    options.to.mkdir(parents=True, exist_ok=True)
    failed, together = 0, Together(shapes.cases())
    with workshop() as place:
        for name in options.names or every:
            began = time.monotonic()
            try:
                data = kept(together.plan(name, place) if name in together.cases else every[name].plan(place))
            except Unplannable as error:
                failed += 1
                print(f"{name}: {error}", file=sys.stderr, flush=True)
                continue
            (options.to / f"{name}.json.gz").write_bytes(data)
            print(f"{name}: {len(data):,} bytes, {time.monotonic() - began:.1f} s", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
