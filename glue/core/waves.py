"""The chain is a tree: in which order a release goes to several environments, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glue.core.environment import Environment
from glue.errors import UsageError


def behind(environments: Mapping[str, Environment], name: str) -> tuple[str, ...]:
    """Return the environments that promote from one, sorted. Raises UsageError when there is none."""
    found = tuple(sorted(other for other, there in environments.items() if _source(there) == name))
    if not found:
        raise UsageError(
            f"no environment promotes from {name}", remedy="Name where the release goes to: --to ENVIRONMENT."
        )
    return found


def in_waves(
    environments: Mapping[str, Environment], targets: Sequence[str], *, one_by_one: bool = False
) -> list[list[Environment]]:
    """Return the targets in waves, the first wave first; within a wave by name.

    Those of one wave have the same number (`environment.wave`); one by one, each is a wave of its own. Raises
    UsageError when one target promotes from another: it takes over what has proven itself there, which is not yet so.
    """
    chosen = {name: environments[name] for name in targets}
    for name, there in sorted(chosen.items()):
        if _source(there) in chosen:
            raise UsageError(
                f"{name} promotes from {_source(there)}, and both are named",
                remedy=f"Promote to {_source(there)} first, and to {name} when the release has proven itself there.",
            )
    ordered = sorted(chosen.values(), key=lambda there: (there.wave, there.name))
    if one_by_one:
        return [[there] for there in ordered]
    return [[there for there in ordered if there.wave == wave] for wave in sorted({t.wave for t in ordered})]


def problems(environments: Mapping[str, Environment]) -> list[str]:
    """Return what keeps the environments from being a tree: sources that do not exist, and loops."""
    found = []
    for name, there in sorted(environments.items()):
        source = there.promotes_from
        if source is None:
            continue
        other = environments.get(source.name)
        if other is None:
            found.append(f"{name} promotes from {source.name}, which does not exist")
        elif (other.account_id, other.region) != (source.account_id, source.region):
            found.append(f"{name} says that {source.name} is {source.account_id} in {source.region}, and it is not")
        elif name in _way_up(environments, name):
            found.append(f"{name} promotes from itself, by way of {' and '.join(_way_up(environments, name))}")
    return found


def _way_up(environments: Mapping[str, Environment], name: str) -> list[str]:
    """Return the environments above one, nearest first; a loop ends where it closes."""
    found: list[str] = []
    here = _source(environments[name])
    while here is not None and here in environments and here not in found:
        found.append(here)
        here = _source(environments[here])
    return found


def _source(environment: Environment) -> str | None:
    return environment.promotes_from.name if environment.promotes_from else None
