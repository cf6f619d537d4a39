"""Reads the JSON of a plan, and refuses whatever is not one whole plan.

Format: https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from glue.errors import UsageError
from glue.review.loading import HOW, load, uncollected
from glue.review.plan import Output, Plan, Values
from glue.review.resource import WHAT, Resource
from glue.review.values import conceal, plain

KNOWN = frozenset({
    "format_version", "terraform_version", "variables", "planned_values", "resource_drift", "resource_changes",
    "output_changes", "prior_state", "configuration", "relevant_attributes", "checks", "timestamp", "applyable",
    "complete", "errored", "deferred_changes",
})  # fmt: skip
_MODULES = re.compile(r'(?:module\.[^.\[]+(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?\.)*')
_OBJECTS = ("variables", "planned_values", "output_changes", "prior_state", "configuration")
_LISTS = ("resource_drift", "resource_changes", "deferred_changes", "checks")


def read(data: bytes, *, name: str) -> Plan:
    """Return the plan in a file's bytes. Raises UsageError (exit 2), and nothing else, for all that is not a plan."""
    document = load(data, name=name)
    try:
        with uncollected():
            return _plan(document, name)
    except _Wrong as error:
        raise UsageError(
            f"{plain(name)} is not a plan that can be reviewed: {plain(error)}", remedy=error.remedy
        ) from error
    except RecursionError as error:
        raise UsageError(f"{plain(name)} is nested too deeply to be a plan", remedy=HOW) from error


class _Wrong(Exception):  # noqa: N818 - it never leaves this file
    def __init__(self, message: str, remedy: str = HOW) -> None:
        super().__init__(message)
        self.remedy = remedy


def _plan(document: dict[str, Any], name: str) -> Plan:
    _is_plan(document)
    for part in (*_OBJECTS, *_LISTS):
        _typed(document, part)
    _is_whole(document)
    _settings(document)
    planned, prior = _planned(document), _prior(document)
    changes = tuple(_resources(document.get("resource_changes"), "resource_changes"))
    _accounted(changes, planned, prior)
    new = sorted(key for key, value in document.items() if key not in KNOWN and value not in (None, False, "", [], {}))
    return Plan(
        name=name,
        terraform_version=_text(document, "terraform_version"),
        format_version=document["format_version"],
        changes=changes,
        drift=tuple(_resources(document.get("resource_drift"), "resource_drift")),
        outputs=dict(_outputs(document.get("output_changes", {}))),
        prior=Values(prior),
        planned=Values(planned),
        document=document,
        complete=document.get("complete") is not False,
        deferred=tuple(_deferred(document)),
        notes=tuple(f"the plan holds {plain(key)!r}, which this review cannot read" for key in new),
    )


def _is_plan(document: dict[str, Any]) -> None:
    if "lineage" in document and "serial" in document:
        raise _Wrong("it is a state file")
    if "@level" in document:
        raise _Wrong("it is the message stream of `terraform plan -json`")
    if "provider_schemas" in document:
        raise _Wrong("it holds provider schemas")
    version = document.get("format_version")
    if not isinstance(version, str):
        raise _Wrong("it has no format_version")
    if "planned_values" not in document and "resource_changes" not in document:
        raise _Wrong(
            "it is a state (`terraform show -json` of a state)" if "values" in document else "it plans nothing"
        )
    if not re.fullmatch(r"1\.\d{1,4}", version):
        raise _Wrong(
            f"its format_version is {version!r}, and only 1.x is known", "use a newer slipway for this Terraform"
        )


def _typed(document: dict[str, Any], part: str) -> None:
    """Require a part to be an object, or a list of objects; null is the same as absent."""
    if document.get(part) is None:
        document.pop(part, None)
        return
    if part in _OBJECTS:
        _object(document, part, "")
    elif not isinstance(document[part], list):
        raise _Wrong(f"{part} is not a list")


def _settings(document: dict[str, Any]) -> None:
    """Require the shapes of variables and of the configuration's root, which say what is sensitive."""
    variables = document.get("variables", {})
    for name in variables:
        _object(variables, name, " of variables")
    configuration = document.get("configuration", {})
    root = _object(configuration, "root_module", " of configuration") if "root_module" in configuration else {}
    declared = _object(root, "variables", " of configuration") if root.get("variables") is not None else {}
    for name in declared:
        _object(declared, name, " of the configuration's variables")


def _is_whole(document: dict[str, Any]) -> None:
    for flag in ("errored", "complete"):
        if not isinstance(document.get(flag, False), bool):
            raise _Wrong(f"{flag} is not true or false")
    if document.get("errored"):
        raise _Wrong("planning ended in an error, so changes may be missing", "mend the configuration and plan again")


def _resources(entries: Any, part: str) -> Iterator[Resource]:
    seen: set[tuple[str, str | None]] = set()
    for at, entry in enumerate(entries or ()):
        where = f"{part}[{at}]"
        if not isinstance(entry, dict):
            raise _Wrong(f"{where} is not an object")
        _checked(entry, where)
        identity = (entry["address"], entry.get("deposed"))
        if identity in seen:
            raise _Wrong(f"{part} lists {entry['address']} twice")
        seen.add(identity)
        yield Resource(entry)


def _checked(entry: dict[str, Any], where: str) -> None:
    """Require the shape of one resource's change, so that nobody after this has to."""
    for field in ("address", "type", "name", "mode"):
        if not entry.get(field) or not isinstance(entry[field], str):
            raise _Wrong(f"{where} has no {field}")
    address = entry["address"]
    for field in ("module_address", "provider_name", "action_reason", "previous_address", "deposed"):
        if not isinstance(entry.get(field), str | None):
            raise _Wrong(f"{field} of {address} is not a string")
    if not isinstance(entry.get("index"), str | int | float | None):
        raise _Wrong(f"index of {address} is neither a string nor a number")
    if entry["mode"] not in ("managed", "data"):
        raise _Wrong(f"mode of {address} is {entry['mode']!r}, which is not known")
    _named(entry, address)
    what = _change(_object(entry, "change", f" of {address}"), address)
    if entry["mode"] == "data" and what not in ("read", "none"):
        raise _Wrong(f"{address} is data, which is only read, and its action is {what}")


def _named(entry: dict[str, Any], address: str) -> None:
    """Require an address to be its module's, then the type and name: rules go by type, readers by address."""
    if not entry.get("module_address"):
        entry["module_address"] = address[: _MODULES.match(address).end()].removesuffix(".")  # type: ignore[union-attr]
    module = f"{entry['module_address']}." if entry["module_address"] else ""
    kind = f"{'data.' if entry['mode'] == 'data' else ''}{entry['type']}.{entry['name']}"
    if not re.match(rf"{re.escape(module + kind)}(?:\[|$)", address):
        raise _Wrong(f"the address {address} does not fit its module, mode, type and name")


def _change(change: dict[str, Any], address: str) -> str:
    """Return what happens, after requiring the values that belong to it."""
    actions = change.get("actions")
    if not isinstance(actions, list) or not all(isinstance(action, str) for action in actions):
        raise _Wrong(f"actions of {address} are not a list of words")
    what = WHAT.get(tuple(actions))
    if what is None:
        raise _Wrong(
            f"{address} has the actions {actions!r}, which are not known", "use a newer slipway for this Terraform"
        )
    for side, absent in (("before", ("create",)), ("after", ("delete", "forget"))):
        if not isinstance(change.get(side), dict | None):
            raise _Wrong(f"{side} of {address} is not an object")
        if change.get(side) is None and what not in (*absent, "read", "none"):
            raise _Wrong(f"{address} has no values {side} ({what})")
        if change.get(side) is not None and what in absent:
            raise _Wrong(f"{address} has values {side} although it is a {what}")
    if what == "none" and change.get("before") != change.get("after"):
        raise _Wrong(f"{address} is called unchanged, but its values differ")
    paths = change.get("replace_paths")
    if paths is not None and not (isinstance(paths, list) and all(map(_is_path, paths))):
        raise _Wrong(f"replace_paths of {address} are not lists of steps")
    return what


def _is_path(path: Any) -> bool:
    return isinstance(path, list) and all(isinstance(step, str | int) for step in path)


def _accounted(changes: tuple[Resource, ...], planned: Mapping[str, Any], prior: Mapping[str, Any]) -> None:
    """Every resource that is planned must be listed with what happens to it, unless it stays as it is."""
    listed = {change.address for change in changes}
    lost = [
        address
        for address, entry in planned.items()
        if entry["mode"] == "managed" and address not in listed and not _stays(entry, prior.get(address))
    ]
    if lost:
        raise _Wrong(f"{lost[0]} is planned, but resource_changes does not say what happens to it ({len(lost)} such)")


def _stays(planned: Mapping[str, Any], prior: Mapping[str, Any] | None) -> bool:
    return prior is not None and planned.get("values") is not None and planned.get("values") == prior.get("values")


def _deferred(document: dict[str, Any]) -> Iterator[str]:
    """Yield the addresses of changes that Terraform puts off until it knows more."""
    for at, entry in enumerate(document.get("deferred_changes", ())):
        change = entry.get("resource_change") if isinstance(entry, dict) else None
        address = change.get("address") if isinstance(change, dict) else None
        yield address if isinstance(address, str) else f"deferred_changes[{at}]"


def _planned(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict(_module(document.get("planned_values", {}), "planned_values"))


def _prior(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    state = document.get("prior_state", {})
    values = _object(state, "values", " of prior_state") if state.get("values") is not None else {}
    return dict(_module(values, "prior_state"))


def _module(values: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if values.get("outputs") is not None:
        _object(values, "outputs", f" of {where}")
    waiting = [_object(values, "root_module", f" of {where}")] if values.get("root_module") is not None else []
    while waiting:
        module = waiting.pop()
        for entry in _objects(module, "resources", where):
            if not isinstance(entry.get("address"), str) or entry.get("mode") not in ("managed", "data"):
                raise _Wrong(f"a resource of {where} has no address or mode")
            if not isinstance(entry.get("values"), dict | None) or not isinstance(entry.get("type"), str):
                raise _Wrong(f"the values of {entry['address']} in {where} are not an object")
            yield entry["address"], entry
        waiting += _objects(module, "child_modules", where)


def _outputs(changes: dict[str, Any]) -> Iterator[tuple[str, Output]]:
    for name in changes:
        change = _object(changes, name, " of output_changes")
        actions = change.get("actions")
        if (
            not isinstance(actions, list)
            or len(actions) != 1
            or actions[0] not in ("no-op", "create", "update", "delete")
        ):
            raise _Wrong(f"the actions of output {name} are not known")
        before = conceal(change.get("before"), change.get("before_sensitive"), name=name)
        after = conceal(change.get("after"), change.get("after_sensitive"), name=name)
        unknown = change.get("after_unknown") not in (None, False, {}, [])
        sensitive = True in (change.get("before_sensitive"), change.get("after_sensitive"))
        what = "none" if actions[0] == "no-op" else actions[0]
        yield name, Output(name, what, before, after, unknown, sensitive)


def _object(holder: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    value = holder.get(key)
    if not isinstance(value, dict):
        raise _Wrong(f"{key}{where} is not an object")
    return value


def _objects(holder: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    values = holder.get(key)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise _Wrong(f"{key} of {where} are not a list of objects")
    return values


def _text(document: dict[str, Any], key: str) -> str:
    value = document.get(key, "")
    if not isinstance(value, str):
        raise _Wrong(f"{key} is not a string")
    return value


__all__ = ["Output", "Plan", "Resource", "read"]
