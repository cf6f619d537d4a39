"""`make check-pipelines`: published schemas, linters, and our own rules for what the steps name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scripts.pipelines import documents, github, linters, makefile, others, schemas

ROOT = documents.ROOT
CIRCLE, CONCOURSE = ".circleci/config.yml", "pipelines/concourse.yml"
OTHERS = {"renovate.json": "renovate"}


def problems(root: Path) -> Iterator[str]:
    """Yield all that is wrong with the pipelines of a checkout, but for what the linters find."""
    found: dict[str, dict[str, Any]] = {}
    texts: dict[str, str] = {}
    workflows = [str(path.relative_to(root)) for path in sorted((root / ".github/workflows").glob("*.y*ml"))]
    if not workflows:
        yield ".github/workflows: no workflow is there"
    for path in (*workflows, CIRCLE, CONCOURSE):
        try:
            texts[path] = (root / path).read_text()
            found[path] = documents.load(texts[path])
        except (OSError, UnicodeDecodeError, documents.BrokenError) as error:
            yield f"{path}: {error}"
    kinds = dict.fromkeys(workflows, "github-workflows") | {CIRCLE: "circle-ci", CONCOURSE: "concourse"}
    wrong = [line for path in found for line in schemas.problems(path, texts[path], kinds[path])]
    for path, name in OTHERS.items():
        wrong += list(schemas.problems(path, (root / path).read_text(), name))
    yield from wrong
    if not wrong and len(found) == len(kinds):
        yield from _rules(root, texts, found, workflows)


def _rules(root: Path, texts: dict[str, str], found: dict[str, dict[str, Any]], workflows: list[str]) -> Iterator[str]:
    targets = makefile.targets((root / "Makefile").read_text())
    environments = tuple(sorted(path.parent.name for path in (root / "environments").glob("*/environment.tfvars")))
    own = {path: found[path] for path in workflows}
    yield from github.problems(github.Workflows(texts, own, targets, environments))
    yield from others.circleci(CIRCLE, found[CIRCLE], targets)
    yield from others.concourse(CONCOURSE, found[CONCOURSE], targets)


def main() -> None:
    """Print what is wrong, and exit 1 when anything is."""
    files = sorted((ROOT / ".github/workflows").glob("*.y*ml"))
    with ThreadPoolExecutor() as pool:
        parts = [
            pool.submit(lambda: list(linters.actionlint(files))),
            pool.submit(lambda: list(linters.zizmor(ROOT / ".github"))),
            pool.submit(lambda: list(problems(ROOT))),
        ]
        wrong = [line for part in parts for line in part.result()]
    if wrong:
        sys.exit("\n".join([*wrong, f"{len(wrong)} problems in the pipelines"]))
    print(f"pipelines: {len(files)} workflows, CircleCI and Concourse name only what is there")


if __name__ == "__main__":
    main()
