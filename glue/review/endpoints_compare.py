"""What differs between two states of what an endpoint serves, in SageMaker's words. Environments by key only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from glue.review.endpoints_saying import safe
from glue.review.endpoints_shape import UNKNOWN, Container, Model, Served, Variant, bare, blocks
from glue.review.model import FieldChange, VariantShape

_DIGEST_SHOWN = 12
_OF_CAPTURE = frozenset(
    {"enable_capture", "initial_sampling_percentage", "destination_s3_uri", "kms_key_id", "capture_options"}
    | {"capture_content_type_header"}
)


def compare(before: Served, after: Served) -> tuple[FieldChange, ...]:
    """Return everything that differs, variants first. What is not known before apply counts as different."""
    found: list[FieldChange] = []
    for shadows, old, new in ((False, before.variants, after.variants), (True, before.shadows, after.shadows)):
        shares = (_shares(old), _shares(new))
        for name in dict.fromkeys([*old, *new]):
            if name in old and name in new:
                found += _variant(name, old[name], new[name], (shares[0].get(name, ""), shares[1].get(name, "")))
            else:
                found.append(_placed(name, old.get(name), new.get(name), shadow=shadows))
    found += _field("key", None, before.key, after.key, "volume key")
    found += _capture(before.capture, after.capture)
    found += _asynchronous(before.asynchronous, after.asynchronous)
    found += _rest(None, before.rest, after.rest, "")
    return tuple(found)


def shapes(served: Served | None) -> tuple[VariantShape, ...]:
    """Return the variants as a picture shows them, shadows last; none without an endpoint."""
    if served is None:
        return ()
    parts = _parts(served.variants)
    return tuple(
        VariantShape(
            name=safe(name),
            release=entry.model.release if entry.model else None,
            capacity=_capacity(entry),
            share=parts.get(name),
            shadow=name in served.shadows,
        )
        for name, entry in served.everything.items()
    )


def shown(value: Any) -> str | None:
    """Return a value as text for one line, None when there is none. Sensitive values hide themselves."""
    value = bare(value)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Mapping):
        return safe(", ".join(f"{key} {shown(inner)}" for key, inner in sorted(value.items())))
    if isinstance(value, list | tuple):
        return safe(", ".join(str(shown(inner)) for inner in value))
    return safe(value)


def digest_of(image: str | None) -> str:
    """Return an image as a reader compares it: its digest shortened, else its tag, else all of it."""
    if image is None:
        return "none"
    name, separator, digest = image.partition("@sha256:")
    return f"{name.rpartition('/')[2]}@sha256:{digest[:_DIGEST_SHOWN]}" if separator else image.rpartition("/")[2]


def differs(before: Any, after: Any) -> bool:
    """Tell whether two values may differ."""
    return before is UNKNOWN or after is UNKNOWN or bare(before) != bare(after) or _holds_unknown(after)


def _holds_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_unknown(inner) for inner in value.values())
    return any(map(_holds_unknown, value)) if isinstance(value, list | tuple) else value is UNKNOWN


def _field(what: str, variant: str | None, before: Any, after: Any, words: str) -> Iterator[FieldChange]:
    if not differs(before, after):
        return
    old, new = shown(before), shown(after)
    where = f"{safe(variant)}: " if variant else ""
    yield FieldChange(what, variant, old, new, f"{where}{words} {old or 'none'} → {new or 'none'}")


def _shares(variants: Mapping[str, Variant]) -> dict[str, str]:
    return {name: f"{100 * part:.4g} %" for name, part in _parts(variants).items()}


def _parts(variants: Mapping[str, Variant]) -> dict[str, float]:
    """Return each variant's part of the traffic, 0 to 1; empty when a weight is not known."""
    weights = {name: entry.weight for name, entry in variants.items()}
    if not all(isinstance(weight, int | float) and not isinstance(weight, bool) for weight in weights.values()):
        return {}
    numbers = {name: float(str(weight)) for name, weight in weights.items()}
    total = sum(numbers.values())
    return {name: weight / total for name, weight in numbers.items()} if total > 0 else {}


def _placed(name: str, old: Variant | None, new: Variant | None, *, shadow: bool) -> FieldChange:
    what, kind = ("shadow", "shadow variant") if shadow else ("variants", "variant")
    entry = new or old
    capacity = _capacity(entry) if entry else ""
    release = f", {entry.model.release}" if entry and entry.model and entry.model.release else ""
    text = f"{kind} {safe(name)} {'added' if new else 'removed'} ({capacity}{safe(release)})"
    return FieldChange(what, name, None if new else capacity, capacity if new else None, text)


def _capacity(entry: Variant) -> str:
    if entry.serverless is not None:
        return f"serverless {shown(entry.serverless)}"
    return f"{shown(entry.count) or 'unknown'} x {shown(entry.instance_type) or 'unknown'}"


def _variant(name: str, old: Variant, new: Variant, shares: tuple[str, str]) -> Iterator[FieldChange]:
    if differs(old.weight, new.weight):
        texts = [
            f"{shown(entry.weight) or '0'}{f' ({share})' if share else ''}"
            for entry, share in zip((old, new), shares, strict=True)
        ]
        yield FieldChange("weight", name, texts[0], texts[1], f"{safe(name)}: weight {texts[0]} → {texts[1]}")
    yield from _field("instance_type", name, old.instance_type, new.instance_type, "instance type")
    yield from _field("instance_count", name, old.count, new.count, "instances")
    yield from _field("serverless", name, old.serverless, new.serverless, "serverless")
    yield from _rest(name, old.rest, new.rest, "")
    if old.model is not None and new.model is not None:
        yield from _model(name, old.model, new.model)
    elif differs(old.model_name, new.model_name):
        yield from _field("other", name, old.model_name, new.model_name, "model, of which the plan does not hold all,")


def _model(name: str, old: Model, new: Model) -> Iterator[FieldChange]:
    if old.release != new.release and old.release and new.release:
        yield from _field("artifact", name, old.release, new.release, "release")
    several = max(len(old.containers), len(new.containers)) > 1
    for at, (was, will) in enumerate(zip_longest(old.containers, new.containers, fillvalue=None), start=1):
        where = f"container {at} " if several else ""
        if was is None or will is None:
            word = "added" if was is None else "removed"
            yield FieldChange("image", name, _image(was), _image(will), f"{safe(name)}: {where or 'container '}{word}")
        else:
            yield from _container(name, was, will, where, told=old.release != new.release)
    yield from _field("role", name, old.role, new.role, "execution role")
    yield from _field("network", name, old.network, new.network, "network")
    if differs(old.isolation, new.isolation):
        words = [_isolation(old.isolation), _isolation(new.isolation)]
        text = f"{safe(name)}: network isolation {words[0]} → {words[1]}"
        yield FieldChange("network", name, words[0], words[1], text)
    yield from _rest(name, old.rest, new.rest, "model's ")


def _isolation(value: object) -> str:
    return "on" if value is True else "(known after apply)" if value is UNKNOWN else "off"


def _image(entry: Container | None) -> str | None:
    return shown(entry.image) if entry else None


def _container(name: str, old: Container, new: Container, where: str, *, told: bool) -> Iterator[FieldChange]:
    if differs(old.artifact, new.artifact):
        texts = shown(old.artifact), shown(new.artifact)
        short = "artifact changes with the release" if told else f"artifact {texts[0] or 'none'} → {texts[1] or 'none'}"
        yield FieldChange("artifact", name, *texts, f"{safe(name)}: {where}{short}")
    if differs(old.image, new.image):
        texts = shown(old.image), shown(new.image)
        text = f"{safe(name)}: {where}image {digest_of(texts[0])} → {digest_of(texts[1])}"
        yield FieldChange("image", name, *texts, text)
    yield from _environment(name, old.environment, new.environment, where)
    yield from _rest(name, old.rest, new.rest, where)


def _environment(name: str, old: object, new: object, where: str) -> Iterator[FieldChange]:
    """Yield which keys of an environment change; never a value."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        if old is UNKNOWN or new is UNKNOWN:
            text = f"{safe(name)}: {where}environment is known after apply only"
            yield FieldChange("environment", name, _keys(old), _keys(new), text)
        return
    groups = {
        "adds": sorted(set(new) - set(old)),
        "removes": sorted(set(old) - set(new)),
        "changes": sorted(key for key in set(old) & set(new) if old[key] != new[key]),
    }
    words = "; ".join(f"{word} {', '.join(map(safe, keys))}" for word, keys in groups.items() if keys)
    if words:
        yield FieldChange("environment", name, _keys(old), _keys(new), f"{safe(name)}: {where}environment {words}")


def _keys(environment: object) -> str | None:
    return safe(", ".join(sorted(environment))) or None if isinstance(environment, Mapping) else "(known after apply)"


def _capture(old: Any, new: Any) -> Iterator[FieldChange]:
    if not differs(old, new):
        return
    texts = _captured(old), _captured(new)
    keys = [entry.get("kms_key_id") if isinstance(entry, Mapping) else None for entry in (old, new)]
    if old is not None and new is not None and differs(*keys):
        yield from _field("key", None, keys[0], keys[1], "capture key")
    if old is None or new is None or texts[0] != texts[1] or not differs(*keys):
        word = "data capture starts: " if old is None else "data capture ends: " if new is None else "data capture "
        text = f"{word}{texts[1] if old is None else texts[0] if new is None else f'{texts[0]} → {texts[1]}'}"
        yield FieldChange("capture", None, texts[0], texts[1], text)


def _captured(capture: Any) -> str | None:
    if not isinstance(capture, Mapping):
        return None if capture is None else shown(capture)
    rest = {key: value for key, value in capture.items() if key not in _OF_CAPTURE}
    modes = [entry.get("capture_mode") for entry in blocks(capture, "capture_options")]
    header = shown(capture.get("capture_content_type_header"))
    parts = [
        f"{shown(capture.get('initial_sampling_percentage')) or '0'} % of requests",
        f"to {shown(capture.get('destination_s3_uri'))}",
        f"({', '.join(sorted(str(shown(mode)) for mode in modes))})" if modes else "",
        f"with {header}" if header else "",
        shown(rest) or "",
    ]
    return " ".join(part for part in parts if part)


def _asynchronous(old: Any, new: Any) -> Iterator[FieldChange]:
    if not differs(old, new):
        return
    texts = shown(old), shown(new)
    if old is None or new is None:
        words = "asynchronous from now on" if old is None else "no longer asynchronous"
        yield FieldChange("other", None, *texts, f"{words}: callers get their answers another way")
        return
    yield from _field("other", None, old, new, "asynchronous settings")


def _rest(
    variant: str | None, old: Mapping[str, object], new: Mapping[str, object], owner: str
) -> Iterator[FieldChange]:
    for key in sorted({*old, *new}):
        yield from _field("other", variant, old.get(key), new.get(key), f"{owner}{safe(key)}")
