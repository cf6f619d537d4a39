"""What the rules say of a difference in what an endpoint serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glue.review.endpoints_compare import differs, shown
from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_shape import Served, Variant
from glue.review.model import FieldChange

# What a change is called when no sharper rule speaks of it.
_RULES = {
    "artifact": "new-release",
    "image": "new-release",
    "instance_type": "instance-type-changed",
    "weight": "weights-changed",
    "variants": "variants-changed",
    "shadow": "shadow-changed",
    "role": "endpoint-role-changed",
}


def content(before: Served, after: Served, changes: Sequence[FieldChange]) -> Iterator[Said]:
    """Yield what the rules say, each rule once with all that it is about."""
    told: dict[str, list[str]] = {}
    for change in changes:
        rule = _RULES.get(change.what)
        if rule is not None:
            told.setdefault(rule, []).append(change.text)
    for rule, texts in told.items():
        yield Said(
            rule, texts[0] if len(texts) == 1 else f"{texts[0]}, and {len(texts) - 1} more", details=tuple(texts)
        )
    yield from _kinds(before, after)
    yield from _network(before, after)
    yield from _keys(before, after)
    yield from _capture(before, after)
    for text in dict.fromkeys((*after.unresolved, *before.unresolved)):
        yield Said("endpoint-unresolved", f"what it serves cannot be judged: {text}")


def _kinds(before: Served, after: Served) -> Iterator[Said]:
    for name, old, new in _pairs(before, after):
        if (old.serverless is None) != (new.serverless is None):
            words = ("serverless", "instances") if old.serverless is not None else ("instances", "serverless")
            yield Said("endpoint-kind-changed", f"variant {safe(name)}: {words[0]} → {words[1]}")
    if (before.asynchronous is None) != (after.asynchronous is None) and not _blind(before, after):
        becomes = "becomes asynchronous" if before.asynchronous is None else "is no longer asynchronous"
        yield Said("asynchronous-changed", f"it {becomes}: callers must call it another way")


def _blind(before: Served, after: Served) -> bool:
    """Tell whether one of both could not be seen at all."""
    return not before.address or not after.address


def _pairs(before: Served, after: Served) -> Iterator[tuple[str, Variant, Variant]]:
    for name, old in before.everything.items():
        new = after.everything.get(name)
        if new is not None:
            yield name, old, new


def _network(before: Served, after: Served) -> Iterator[Said]:
    for name, old, new in _pairs(before, after):
        if old.model is None or new.model is None:
            continue
        opened = [
            words
            for words, was, will in (
                ("network isolation", old.model.isolation, new.model.isolation),
                ("its VPC", old.model.network, new.model.network),
            )
            if was and not will
        ]
        if opened:
            yield Said("endpoint-network-opened", f"variant {safe(name)} loses {' and '.join(opened)}")
        elif differs(old.model.network, new.model.network) or differs(old.model.isolation, new.model.isolation):
            yield Said("endpoint-network-changed", f"variant {safe(name)} runs in another network")


def _keys(before: Served, after: Served) -> Iterator[Said]:
    if _blind(before, after):
        return
    pairs = [
        ("the volumes' key", before.key, after.key, True),
        ("the key of captured requests", _key(before.capture), _key(after.capture), after.capture is not None),
        ("the key of asynchronous answers", _output(before), _output(after), after.asynchronous is not None),
    ]
    for words, was, will, kept in pairs:
        if was and not will and kept:
            yield Said("endpoint-key-dropped", f"{words} is dropped (was {shown(was)})")
        elif kept and differs(was, will):
            yield Said("endpoint-key-changed", f"{words} {shown(was) or 'none'} → {shown(will) or 'none'}")


def _key(values: object) -> object:
    return values.get("kms_key_id") if isinstance(values, dict) else None


def _output(served: Served) -> object:
    found = served.asynchronous.get("output_config") if isinstance(served.asynchronous, dict) else None
    first = found[0] if isinstance(found, list) and found else found
    return _key(first)


def _capture(before: Served, after: Served) -> Iterator[Said]:
    if _blind(before, after) or before.capture is None:
        return
    if after.capture is None:
        yield Said("capture-dropped", "requests are no longer captured")
    elif isinstance(before.capture, dict) and isinstance(after.capture, dict):
        was, will = (entry.get("initial_sampling_percentage") for entry in (before.capture, after.capture))
        if isinstance(was, int | float) and isinstance(will, int | float | None) and (will or 0) < was:
            yield Said("capture-dropped", f"fewer requests are captured: {was:g} → {will or 0:g} %")
