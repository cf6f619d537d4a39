"""Reads policy/probes/*.toml, the calls that must be denied, and writes docs/probes.md from it.

`python -m scripts.probes` writes the page; `--check` only compares.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "policy" / "probes"
PAGE = ROOT / "docs" / "probes.md"
COMMON = "common.toml"
_PROBE = {"id", "who", "call", "with", "action", "on", "by", "error", "says", "because", "region", "through", "twin"}
_NEEDED = {"id", "who", "call", "because"}
_TWIN = {"who", "with", "error"}
_ORDER = ("dev", "qa", "production")
WAYS = ("url", "ended url")


class ProbeError(ValueError):
    """The data cannot be such probes; the message says where and why."""


@dataclass(frozen=True)
class Twin:
    """The same call by somebody who may: it succeeds, or fails with an error that comes after authorization."""

    who: str
    given: Mapping[str, Any]
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Probe:
    """One call that must be denied."""

    group: str
    entry: str
    who: str
    service: str
    operation: str
    given: Mapping[str, Any]
    action: str
    on: str
    by: tuple[str, ...]
    errors: tuple[str, ...]
    says: str
    because: str
    region: str
    through: str
    twin: Twin | None

    @property
    def id(self) -> str:
        """Its entry's name, with who asks: an entry with several callers is several probes."""
        return f"{self.entry} ({self.who})"


@dataclass(frozen=True)
class Group:
    """The probes of one file."""

    name: str
    title: str
    what: str
    probes: tuple[Probe, ...]


@dataclass(frozen=True)
class Probes:
    """All probes with what they share."""

    groups: tuple[Group, ...]
    words: Mapping[str, str]
    documents: Mapping[str, str]
    sessions: Mapping[str, Mapping[str, Any]]
    tokens: Mapping[str, Mapping[str, Any]]

    @property
    def all(self) -> tuple[Probe, ...]:
        """Every probe, in the files' order."""
        return tuple(probe for group in self.groups for probe in group.probes)


def load(folder: Path = FOLDER) -> Probes:
    """Return the probes. Raises ProbeError for what is missing, unknown or there twice."""
    common = tomllib.loads((folder / COMMON).read_text())
    files = sorted(path for path in folder.glob("*.toml") if path.name != COMMON)
    groups = tuple(_group(path, common["codes"], common["words"]) for path in files)
    names = Counter(probe.id for group in groups for probe in group.probes)
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise ProbeError(f"these ids are given to more than one probe: {', '.join(twice)}")
    return Probes(groups, common["words"], common["documents"], common["sessions"], common["tokens"])


def _group(path: Path, codes: Mapping[str, str], words: Mapping[str, str]) -> Group:
    data = tomllib.loads(path.read_text())
    probes = tuple(
        _probe(path.stem, entry | {"who": who}, codes, words)
        for entry in data["probes"]
        for who in _texts(entry.get("who", ()))
    )
    return Group(path.stem, data["title"], data["what"], probes)


def _probe(group: str, entry: Mapping[str, Any], codes: Mapping[str, str], words: Mapping[str, str]) -> Probe:
    where = f"{group}: {entry.get('id', entry)}"
    _require_keys(where, entry, _PROBE)
    if missing := _NEEDED - entry.keys():
        raise ProbeError(f"{where}: needs {', '.join(sorted(missing))}")
    service, _, operation = entry["call"].partition(":")
    by, errors = _texts(entry.get("by", ())), _texts(entry.get("error", codes.get(service, ())))
    says = entry.get("says", "")
    if by and (set(by) - words.keys() or not entry.get("on")):
        raise ProbeError(f"{where}: `by` must be one of {', '.join(sorted(words))}, and `on` the resource")
    if not by and not says:
        raise ProbeError(f"{where}: either a policy denies (`by`) or the answer `says` why")
    if not errors or entry.get("through", "url") not in WAYS:
        raise ProbeError(f"{where}: no error is expected, or `through` is unknown")
    action = entry.get("action", f"{service}:{operation}")
    given = entry.get("with", {})
    twin = _twin(where, entry["twin"], given) if "twin" in entry else None
    ways = (entry.get("region", ""), entry.get("through", ""))
    return Probe(
        group, entry["id"], entry["who"], service, operation, given, action, entry.get("on", ""), by, errors, says,
        entry["because"], *ways, twin,
    )  # fmt: skip


def _twin(where: str, entry: Mapping[str, Any], given: Mapping[str, Any]) -> Twin:
    _require_keys(f"{where}, twin", entry, _TWIN)
    changed = {key: value for key, value in {**given, **entry.get("with", {})}.items() if value != "-"}
    return Twin(entry["who"], changed, _texts(entry.get("error", ())))


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _require_keys(where: str, entry: Mapping[str, Any], known: set[str]) -> None:
    if unknown := entry.keys() - known:
        raise ProbeError(f"{where}: knows no {', '.join(sorted(unknown))}")


def page(probes: Probes) -> str:
    """Return docs/probes.md: what the groups prove, with counts, and each probe with its reason."""
    every = probes.all
    services = Counter(probe.service for probe in every)
    callers = len({probe.who for probe in every})
    twins = sum(probe.twin is not None for probe in every)
    lines = [
        "# Calls that must be denied",
        "",
        "Made by `python -m scripts.probes` from `policy/probes/*.toml`; do not edit. `tests/sandbox/test_probes.py`",
        "makes each call on the running sandbox after the demo, with a session of the role that is named, and compares",
        "error code, principal, action, resource and the type of policy that denied. Afterwards an inventory of the",
        "three accounts must be what it was.",
        "",
        f"**{len(every)} probes** by {callers} callers on {len(services)} services. {twins} of them have a twin: the",
        "same call by somebody who may make it, harmless, gets past authorization. So the denial is about the",
        "permission, not about the call.",
        "",
        "| group | what is tried | probes | with twin |",
        "| --- | --- | --- | --- |",
    ]
    for group in probes.groups:
        paired = sum(probe.twin is not None for probe in group.probes)
        lines.append(f"| [{group.title}](#{_anchor(group.title)}) | {group.what} | {len(group.probes)} | {paired} |")
    for group in probes.groups:
        lines += ["", f"## {group.title}", "", "| who | call | denied because | by |", "| --- | --- | --- | --- |"]
        lines += [_row(tuple(same)) for _, same in groupby(group.probes, lambda probe: probe.entry)]
    return "\n".join(lines) + "\n"


def _anchor(title: str) -> str:
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -")
    return kept.replace(" ", "-")


def _row(same: tuple[Probe, ...]) -> str:
    """Return the row of an entry: the same call by one caller or by several."""
    one = same[0]
    ways = {"url": ", by a presigned URL", "ended url": ", by a presigned URL that ended"}
    who = (
        _callers(probe.who for probe in same) + ways.get(one.through, "") + (f", in {one.region}" if one.region else "")
    )
    by = " or ".join(one.by) or f"`{one.errors[0]}`"
    return f"| {who} | `{one.action}` | {one.because} | {by} |"


def _callers(names: Iterable[str]) -> str:
    """`qa/plan, qa/promote, production/plan, production/promote` is `plan, promote of qa, production`."""
    found = [name.partition("/") for name in names]
    roles = dict.fromkeys(role or place for place, _, role in found)
    places = {place for place, _, role in found if role}
    return ", ".join(roles) + (f" of {', '.join(sorted(places, key=_ORDER.index))}" if places else "")


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is fresh."""
    text = page(load())
    if arguments == ["--check"]:
        fresh = PAGE.exists() and PAGE.read_text() == text
        print("docs/probes.md is fresh" if fresh else "docs/probes.md is old: run `python -m scripts.probes`")
        return 0 if fresh else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
