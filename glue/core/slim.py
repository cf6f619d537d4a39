"""What a review needs of a plan, without secrets.

Terraform redacts nothing in `terraform show -json`; it marks what is sensitive beside the values
(https://developer.hashicorp.com/terraform/internals/json-format#change-representation). Here each marked value gives
way to a word, and whatever repeats it elsewhere does too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

SENSITIVE = "(sensitive)"
CHANGED = "(sensitive, changed)"
SHORTEST = 4  # characters of a secret that is looked for elsewhere: a shorter one is part of everything

_ROUNDS = 100_000  # about 30 ms: who knows all but a secret must not guess it quickly
_KEPT = (
    "format_version",
    "terraform_version",
    "applyable",
    "complete",
    "errored",
    "variables",
    "resource_changes",
    "resource_drift",
    "output_changes",
    "prior_state",
    "configuration",
    "planned_values",
    "checks",
    "deferred_changes",
    "action_invocations",
)
_CHANGES = ("resource_changes", "resource_drift")


def slim(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan's JSON with what a review reads, in the same form, and without any secret.

    A sensitive value that changes is told from one that does not. Raises KeyError or TypeError for a document that is
    not a plan.
    """
    texts = tuple(sorted(set(_strings(document)), key=lambda text: (-len(text), text)))  # the longest first
    found = {name: document[name] for name in _KEPT if name in document}
    for name in _CHANGES:
        if name in found:
            found[name] = [{**entry, "change": _change(entry["change"], texts)} for entry in found[name] or []]
    outputs = found.get("output_changes")
    if outputs:
        found["output_changes"] = {name: _change(change, texts) for name, change in outputs.items()}
    if "variables" in found:
        hidden = _sensitive_variables(document)
        found["variables"] = {
            name: {**entry, "value": SENSITIVE if name in hidden else _clean(entry.get("value"), texts)}
            for name, entry in (found["variables"] or {}).items()
        }
    if "prior_state" in found:
        found["prior_state"] = _state(found["prior_state"], texts)
    if "planned_values" in found:
        found["planned_values"] = _state({"values": found["planned_values"]}, texts)["values"]
    if "checks" in found:
        found["checks"] = _clean(found["checks"], texts)
    if "configuration" in found:
        found["configuration"] = _configuration(found["configuration"], texts)
    return found


def secrets(document: Mapping[str, Any], *, scope: str) -> str | None:
    """Return a slow digest of the secrets that a plan's changes bring about, None without any.

    It tells plans with other secrets apart. `scope`, the stack's name, is its salt.
    """
    hidden = sorted(_hidden(document))
    if not hidden:
        return None
    text = "\n".join(hidden).encode("utf-8", "surrogatepass")
    return hashlib.pbkdf2_hmac("sha256", text, scope.encode(), _ROUNDS).hex()


def _hidden(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield each sensitive value that the plan's changes bring about, with where it stands."""
    changes = {str(entry["address"]): entry["change"] for entry in document.get("resource_changes") or []}
    changes |= {f"output.{name}": change for name, change in (document.get("output_changes") or {}).items()}
    for name, change in changes.items():
        if list(change["actions"]) != ["no-op"]:
            for side in ("before", "after"):
                for path, value in _leaves(change.get(side), change.get(f"{side}_sensitive"), (name, side)):
                    yield json.dumps([path, value], sort_keys=True)


def _leaves(value: Any, mask: Any, path: tuple[object, ...]) -> Iterator[tuple[tuple[object, ...], Any]]:
    if mask is True:
        yield path, value
    elif isinstance(value, Mapping) and isinstance(mask, Mapping):
        for name in sorted(mask):
            yield from _leaves(value.get(name), mask[name], (*path, name))
    elif isinstance(value, list) and isinstance(mask, list):
        for index, inner in enumerate(mask[: len(value)]):
            yield from _leaves(value[index], inner, (*path, index))


def _change(change: Mapping[str, Any], texts: tuple[str, ...]) -> dict[str, Any]:
    before, after = change.get("before"), change.get("after")
    found = dict(change)
    if "before" in change:
        found["before"] = _clean(_masked(before, change.get("before_sensitive")), texts)
    if "after" in change:
        found["after"] = _clean(_masked(after, change.get("after_sensitive"), was=before), texts)
    return found


_NOTHING: Any = object()


def _masked(value: Any, mask: Any, *, was: Any = _NOTHING) -> Any:
    """Return a value with a word for each sensitive one; another word where it `was` something else."""
    if mask is True:
        if value is None:
            return None
        return SENSITIVE if was is _NOTHING or was == value else CHANGED
    if isinstance(value, Mapping) and isinstance(mask, Mapping):
        earlier = was if isinstance(was, Mapping) else {}
        return {
            name: _masked(inner, mask.get(name), was=_NOTHING if was is _NOTHING else earlier.get(name))
            for name, inner in value.items()
        }
    if isinstance(value, list) and isinstance(mask, list):
        old: Any = was if isinstance(was, list) else []
        return [
            _masked(
                inner,
                mask[index] if index < len(mask) else None,
                was=_NOTHING if was is _NOTHING else old[index] if index < len(old) else None,
            )
            for index, inner in enumerate(value)
        ]
    return value


def _state(state: Any, texts: tuple[str, ...]) -> Any:
    if not isinstance(state, Mapping):
        return state
    found = dict(state)
    values = state.get("values")
    if isinstance(values, Mapping):
        outputs = {
            name: {**output, "value": SENSITIVE if output.get("sensitive") else _clean(output.get("value"), texts)}
            for name, output in (values.get("outputs") or {}).items()
        }
        root = values.get("root_module")
        found["values"] = {
            **({"outputs": outputs} if outputs else {}),
            **({"root_module": _module(root, texts)} if root else {}),
        }
    return found


def _module(module: Mapping[str, Any], texts: tuple[str, ...]) -> dict[str, Any]:
    found = dict(module)
    if "resources" in module:
        found["resources"] = [
            {**entry, "values": _clean(_masked(entry.get("values"), entry.get("sensitive_values")), texts)}
            for entry in module["resources"]
        ]
    if "child_modules" in module:
        found["child_modules"] = [_module(child, texts) for child in module["child_modules"]]
    return found


def _configuration(value: Any, texts: tuple[str, ...]) -> Any:
    """Return the configuration without literal secrets; names and references stay as they are."""
    if isinstance(value, Mapping):
        hides = value.get("sensitive") is True
        return {
            name: (SENSITIVE if hides and name == "default" else _clean(inner, texts))
            if name in {"constant_value", "default"}
            else _configuration(inner, texts)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_configuration(inner, texts) for inner in value]
    return value


def _clean(value: Any, texts: tuple[str, ...]) -> Any:
    """Return a value without any of the secret texts, which may stand inside longer texts."""
    if not texts:
        return value
    if isinstance(value, str):
        for secret in texts:
            if secret in value and value not in (SENSITIVE, CHANGED):
                value = value.replace(secret, SENSITIVE)
        return value
    if isinstance(value, Mapping):
        return {_clean(name, texts): _clean(inner, texts) for name, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner, texts) for inner in value]
    return value


def _strings(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield every sensitive text of a plan that is long enough to be told from others."""
    changes = [entry["change"] for name in _CHANGES for entry in document.get(name) or []]
    for change in [*changes, *(document.get("output_changes") or {}).values()]:
        for side in ("before", "after"):
            yield from _marked(change.get(side), change.get(f"{side}_sensitive"))
    variables = document.get("variables") or {}
    for name in _sensitive_variables(document):
        yield from _marked((variables.get(name) or {}).get("value"), True)
    values = (document.get("prior_state") or {}).get("values") or {}
    for output in (values.get("outputs") or {}).values():
        yield from _marked(output.get("value"), output.get("sensitive"))
    yield from _of_module(values.get("root_module") or {})


def _of_module(module: Mapping[str, Any]) -> Iterator[str]:
    for entry in module.get("resources") or []:
        yield from _marked(entry.get("values"), entry.get("sensitive_values"))
    for child in module.get("child_modules") or []:
        yield from _of_module(child)


def _marked(value: Any, mask: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _marked(inner, mask if mask is True else mask.get(name) if isinstance(mask, Mapping) else None)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            of_list = mask[index] if isinstance(mask, list) and index < len(mask) else None
            yield from _marked(inner, mask if mask is True else of_list)
    elif mask is True and isinstance(value, str) and len(value) >= SHORTEST:
        yield value


def _sensitive_variables(document: Mapping[str, Any]) -> frozenset[str]:
    module = (document.get("configuration") or {}).get("root_module") or {}
    return frozenset(name for name, entry in (module.get("variables") or {}).items() if entry.get("sensitive") is True)
