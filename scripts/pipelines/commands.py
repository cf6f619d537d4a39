"""What holds for the shell of every vendor's steps: make targets only, with the variables that each takes and needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scripts.pipelines import documents
from scripts.pipelines.makefile import Target
from scripts.pipelines.outputs import VALUES

_LIST = re.compile(r"build/pipelines/([a-z-]+?)-([a-z_]+)\.txt")
SUBSTITUTIONS = ("git rev-parse ", "date -u ")  # what a value may be made of


@dataclass(frozen=True)
class Scope:
    """Where a script stands: what is in its environment, and which names the vendor puts there."""

    where: str
    environment: frozenset[str]
    vendor: frozenset[str] = frozenset()


def problems(text: str, scope: Scope, targets: Mapping[str, Target]) -> Iterator[str]:
    """Yield what is wrong with a step's shell, each with where it stands."""
    try:
        found = documents.script(text)
    except documents.BrokenError as error:
        yield f"{scope.where}: {error}"
        return
    for other in found.others:
        yield f"{scope.where}: `{other}` is no make target: put it behind one"
    for inner in re.findall(r"\$\(([^()]*)\)|`([^`]*)`", text):
        if not (inner[0] or inner[1]).startswith(SUBSTITUTIONS):
            yield f"{scope.where}: `{inner[0] or inner[1]}` is no make target"
    for name in sorted(found.uses - found.reads - scope.environment - scope.vendor):
        yield f"{scope.where}: ${name} is defined nowhere"
    for call in found.calls:
        yield from _call(call, scope, targets)
    for file in found.files:
        match = _LIST.fullmatch(file)
        if not match or match[2] not in VALUES.get(match[1], ()):
            yield f"{scope.where}: no make target writes {file}"


def _call(call: documents.Call, scope: Scope, targets: Mapping[str, Target]) -> Iterator[str]:
    if not call.targets:
        yield f"{scope.where}: `make` without a target"
    for name in call.targets:
        target = targets.get(name)
        if target is None:
            yield f"{scope.where}: the Makefile has no target `{name}`"
            continue
        for variable in sorted(set(call.assigned) - target.takes):
            yield f"{scope.where}: `make {name}` takes no {variable}"
        for variable in sorted(target.needs - set(call.assigned) - scope.environment):
            yield f"{scope.where}: `make {name}` needs {variable}"


def unused(text: str, environment: frozenset[str], where: str, targets: Mapping[str, Target]) -> Iterator[str]:
    """Yield the names of an environment that no make target and no word of the shell below it takes."""
    try:
        found = documents.script(text)
    except documents.BrokenError:
        return
    taken = set(found.uses)
    for call in found.calls:
        taken |= {name for target in call.targets if target in targets for name in targets[target].takes}
    for name in sorted(environment - taken):
        yield f"{where}: nothing below takes {name}"
