"""`python -m sandbox fault add|list|clear|load`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sandbox import admin_client
from sandbox.commands import DONE, Command
from sandbox.errors import SandboxError
from sandbox.faults import scenarios
from sandbox.faults.kinds import KINDS
from sandbox.settings import Settings

PATH = "/_sandbox/faults"
_MATCH = ("account", "service", "operation", "resource", "principal")
_OFTEN = {"times": int, "skip": int, "every": int, "probability": float, "seed": int, "for_s": float}


def _arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser(
        "add", help="set one fault", epilog=_kinds(), formatter_class=argparse.RawTextHelpFormatter
    )
    add.add_argument("--kind", required=True, metavar="KIND", help="see below")
    add.add_argument("--id", help="default: f1, f2...")
    for name in _MATCH:
        add.add_argument(f"--{name}", metavar="PATTERN", help="default: any")
    add.add_argument("--match", action="append", default=[], metavar="FACT=PATTERN", help="further facts of the kind")
    add.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="the kind's own settings")
    add.add_argument("--times", type=int, help="end after so many hits")
    add.add_argument("--skip", type=int, help="let so many pass first")
    add.add_argument("--every", type=int, help="meet each n-th only")
    add.add_argument("--probability", type=float, help="meet each with this chance (0 to 1)")
    add.add_argument("--seed", type=int, help="which sequence of chances; default 0")
    add.add_argument("--for-s", type=float, help="end after so many AWS seconds")
    actions.add_parser("list", help="the faults that are set, and how often they happened").add_argument(
        "--json", action="store_true", help="one JSON document, with the last hits"
    )
    clear = actions.add_parser("clear", help="take back one fault, or all")
    clear.add_argument("id", nargs="?")
    load = actions.add_parser("load", help="set the faults of a scenario: all of them, or none when one is wrong")
    load.add_argument("file", help="a JSON file, or a name: " + ", ".join(scenarios.names()))


def _kinds() -> str:
    lines = ["kinds:"]
    for name, kind in KINDS.items():
        lines.append(f"  {name:<24} {kind.about}")
        lines += [f"  {'':<24}   {key}={setting.default} {setting.about}" for key, setting in kind.effect.items()]
        if not kind.on_requests:
            lines.append(f"  {'':<24}   told by {', '.join(kind.facts)}")
    return "\n".join(lines).replace("%", "%%")


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if options.action == "add":
        return _set(settings, [_fault(options)])
    if options.action == "load":
        return _set(settings, scenarios.read(Path(options.file)).faults)
    if options.action == "clear":
        gone = admin_client.ask(settings, "DELETE", PATH, {"id": options.id} if options.id else {})
        sys.stdout.write(f"cleared: {gone['cleared']}\n")
        return DONE
    return _list(admin_client.ask(settings, "GET", PATH), as_json=options.json)


def _set(settings: Settings, faults: list[Any]) -> int:
    made = admin_client.ask(settings, "POST", PATH, {"faults": faults})
    for one in made["faults"]:
        sys.stdout.write(f"set {_line(one)}\n")
    return DONE


def _list(found: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    elif not found["faults"]:
        sys.stdout.write("no fault is set\n")
    else:
        sys.stdout.writelines(f"{_line(one)}: {one['hits']} hits, {one['state']}\n" for one in found["faults"])
    return DONE


def _line(one: dict[str, Any]) -> str:
    told = " ".join(f"{key}={value}" for key, value in {**one["match"], **one["effect"]}.items() if value != "")
    return f"{one['id']} {one['kind']} {told}".rstrip()


def _fault(options: argparse.Namespace) -> dict[str, Any]:
    """Return the JSON object that the options describe."""
    match = {name: value for name in _MATCH if (value := getattr(options, name)) is not None}
    match |= dict(_pair(text, "--match") for text in options.match)
    effect = {name: _value(text) for name, text in (_pair(text, "--set") for text in options.set)}
    document: dict[str, Any] = {"kind": options.kind, "match": match, "effect": effect}
    document |= {name: value for name in ("id", *_OFTEN) if (value := getattr(options, name)) is not None}
    return document


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise SandboxError(f"{option} takes NAME=VALUE, not {text!r}")
    return name, value


def _value(text: str) -> object:
    """Return the number that a text is, or the text."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


FAULT = Command("fault", "make the sandbox misbehave, and stop it again", _run, _arguments)
