"""Hands what a command said as JSON on to a pipeline's later steps: `slipway … --format json | … outputs NAME`.

The document goes to stdout and to build/pipelines/NAME.json as it came; what later steps need, to GitHub's
`$GITHUB_OUTPUT` (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-output-parameter)
and, one value in a line, to build/pipelines/NAME-<value>.txt for vendors whose steps read files.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "pipelines"
Outputs = dict[str, Any]  # a text, or a list, which GitHub gets as JSON and files get by lines


def touched(document: Mapping[str, Any]) -> Outputs:
    """Return what `slipway touched` found: the whole matrix, and the endpoints or stacks of each environment.

    `count` is 0 where nothing is to be planned: GitHub refuses an empty matrix. `<env>_<stack>` lists the endpoints to
    deploy in that order, foundation with "" as its only one. A bootstrap makes the pipelines' own roles and is applied
    by an administrator, so it is planned, and in no such list.
    """
    legs = [{**one, "endpoint": one["endpoint"] or ""} for one in document["matrix"]["include"]]
    found: Outputs = {"matrix": {"include": legs}, "count": str(len(legs))}
    for leg in legs:
        if leg["stack"] != "bootstrap":
            found.setdefault(f"{leg['env']}_{leg['stack']}".replace("-", "_"), []).append(leg["endpoint"])
    return found


def changed_models(document: Mapping[str, Any]) -> Outputs:
    """Return which models need an image and which a training. The trainings that follow add their releases."""
    (FOLDER / "train-releases.txt").write_text("")
    return {"image": list(document["image"]), "train": list(document["train"])}


def pushed(document: Mapping[str, Any]) -> Outputs:
    """Return which bundle was pushed, and whether applying it would change anything."""
    (bundle,) = document["results"]
    return {"digest": str(bundle["digest"]), "empty": "true" if bundle["empty"] else "false"}


def trained(document: Mapping[str, Any]) -> Outputs:
    """Return the releases that the jobs became."""
    return {"releases": [one["release"] for one in document["jobs"] if one.get("release")]}


def releases(document: Mapping[str, Any]) -> Outputs:
    """Return the newest release of each model that was made of the commit COMMIT. Exits when there is none."""
    commit = os.environ.get("COMMIT", "")
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        sys.exit("Say which commit, all 40 digits of it: make releases ENV=qa COMMIT=$(git rev-parse HEAD)")
    newest: dict[str, str] = {}
    for one in sorted(document["releases"], key=lambda each: str(each["created"])):
        if one["complete"] and one["release"].endswith(f"-{commit[:7]}"):  # <model>-<date>t<time>-<commit7>
            newest[one["model"]] = one["release"]
    if not newest:
        sys.exit(f"there is no release of commit {commit} here: tag a commit whose model was trained and promoted")
    return {"releases": [newest[model] for model in sorted(newest)]}


# The values of each; `touched` has one more for each environment and stack.
VALUES: Mapping[str, tuple[str, ...]] = {
    "touched": ("matrix", "count"),
    "changed-models": ("image", "train"),
    "bundle-push": ("digest", "empty"),
    "train": ("releases",),
    "releases": ("releases",),
}
GROWING = {"train"}  # one call for each model
KINDS: dict[str, Callable[[Mapping[str, Any]], Outputs]] = {
    "touched": touched,
    "changed-models": changed_models,
    "bundle-push": pushed,
    "train": trained,
    "releases": releases,
}


def hand_on(name: str, values: Outputs, environ: Mapping[str, str]) -> None:
    """Write the values where the vendor's later steps find them."""
    for key, value in values.items():
        lines = value if isinstance(value, list) else [value if isinstance(value, str) else json.dumps(value)]
        with (FOLDER / f"{name}-{key}.txt").open("a" if name in GROWING else "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    if where := environ.get("GITHUB_OUTPUT"):
        with Path(where).open("a", encoding="utf-8") as outputs:
            for key, value in values.items():
                text = value if isinstance(value, str) else json.dumps(value)
                if "\n" in text:  # GitHub reads a line for each
                    sys.exit(f"the output {key} has several lines: {text!r}")
                outputs.write(f"{key}={text}\n")


def main(arguments: list[str] | None = None) -> int:
    """Read a document from stdin, pass it through, and hand its values on."""
    parser = argparse.ArgumentParser(description="Hand a command's JSON on to later steps.")
    parser.add_argument("name", choices=sorted(KINDS))
    options = parser.parse_args(arguments)
    text = sys.stdin.read()
    sys.stdout.write(text)
    try:
        document = json.loads(text)
    except ValueError:
        return 1  # the command has said why, and the shell's pipefail has its exit code
    if "error" in document:
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{options.name}.json").write_text(text)
    hand_on(options.name, KINDS[options.name](document), os.environ)
    return 0


if __name__ == "__main__":
    sys.exit(main())
