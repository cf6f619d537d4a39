"""An environment's file before and after: who may do what, and what a release needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glue.review.data_diff_served import mapping, objects, texts
from glue.review.endpoints_compare import shown
from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_shape import bare

# Names follow from these, and everything is made anew elsewhere when one changes.
_PLACE = ("account_id", "region", "project", "name")
_PEOPLE = {
    "approvers": "may approve releases",
    "break_glass": "may pass the gates",
    "operators": "may work in the environment",
}
_OPENINGS = {
    "promotes_to": "may read its artifacts",
    "replicates_images_to": "gets its images",
}


_ELSEWHERE = ("gates", "identity_providers", "freezes", "models", "retention", "training_queue")


def environment(before: Mapping[str, Any], after: Mapping[str, Any], *, where: str) -> Iterator[Said]:
    """Yield what the rules say of an environment's settings; `where` names the file."""
    told = {*_PLACE, *_PEOPLE, *_OPENINGS, *_ELSEWHERE}
    moved = [key for key in _PLACE if before.get(key) != after.get(key)]
    if moved:
        texts_ = ", ".join(f"{key} {shown(before.get(key))} → {shown(after.get(key))}" for key in moved)
        yield Said("environment-moved", f"its place changes: {texts_}", "interrupts")
    yield from _gates(mapping(before, "gates", where=where), mapping(after, "gates", where=where))
    yield from _people(before, after, where)
    yield from _subjects(before, after, where)
    yield from _neighbours(before, after, where)
    yield from _lists(before, after, where)
    rest = [key for key in sorted({*before, *after} - told) if bare(before.get(key)) != bare(after.get(key))]
    if rest:
        yield Said("environment-changed", f"changes: {', '.join(map(safe, rest))}")


def _gates(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Said]:
    weaker = [key for key in ("evidence", "approval") if old.get(key) is True and new.get(key) is not True]
    if _less(new.get("soak_minutes"), old.get("soak_minutes"), default=0):
        weaker.append("soak_minutes")
    if _less(old.get("evidence_max_age_hours"), new.get("evidence_max_age_hours"), default=720):
        weaker.append("evidence_max_age_hours")
    if weaker:
        words = ", ".join(
            f"{key} {shown(old.get(key)) or 'usual'} → {shown(new.get(key)) or 'usual'}" for key in weaker
        )
        yield Said("gates-weakened", f"releases need less: {words}")
    elif bare(dict(old)) != bare(dict(new)):
        yield Said("environment-changed", "releases need more (gates)")


def _less(one: object, other: object, *, default: float) -> bool:
    numbers = [
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
        for value in (one, other)
    ]
    return numbers[0] < numbers[1]


def _people(before: Mapping[str, Any], after: Mapping[str, Any], where: str) -> Iterator[Said]:
    for key, may in _PEOPLE.items():
        old, new = (set(texts(values.get(key), where=f"{where}: {key}")) for values in (before, after))
        if new - old:
            yield Said("people-added", f"newly {may} ({key}): {', '.join(map(safe, sorted(new - old)))}")
        if old - new:
            yield Said("people-removed", f"no longer {may} ({key}): {', '.join(map(safe, sorted(old - new)))}")
    queues = [mapping(values, "training_queue", where=where) for values in (before, after)]
    old, new = (set(texts(values.get("submitters"), where=f"{where}: submitters")) for values in queues)
    if new - old:
        yield Said("people-added", f"newly may train (submitters): {', '.join(map(safe, sorted(new - old)))}")


def _subjects(before: Mapping[str, Any], after: Mapping[str, Any], where: str) -> Iterator[Said]:
    """Yield which workflows may newly take on which role: the subjects of identity providers."""
    old, new = _roles(before, where), _roles(after, where)
    gained, lost = sorted(new - old), sorted(old - new)
    if gained:
        listed = tuple(f"{safe(role)}: {safe(subject)} ({safe(provider)})" for provider, role, subject in gained)
        yield Said("subjects-added", f"workflows may newly take on roles: {', '.join(listed)}", details=listed)
    if lost:
        listed = tuple(f"{safe(role)}: {safe(subject)} ({safe(provider)})" for provider, role, subject in lost)
        yield Said("people-removed", f"workflows may no longer take on roles: {', '.join(listed)}", details=listed)


def _roles(values: Mapping[str, Any], where: str) -> set[tuple[str, str, str]]:
    """Return who is trusted: issuer and audience as one word, role, subject."""
    found = set()
    for name, provider in objects(values, "identity_providers", where=where).items():
        trusted = f"{provider.get('issuer')} for {provider.get('audience')}"
        for role, subjects in mapping(provider, "subjects", where=f"{where}: {name}").items():
            found |= {(trusted, role, subject) for subject in texts(subjects, where=f"{where}: {name}.{role}")}
    return found


def _neighbours(before: Mapping[str, Any], after: Mapping[str, Any], where: str) -> Iterator[Said]:
    for key, may in _OPENINGS.items():
        old, new = (_accounts(values, key, where) for values in (before, after))
        if new - old:
            yield Said(
                "people-added", f"another account newly {may} ({key}): {', '.join(map(safe, sorted(new - old)))}"
            )
        if old - new:
            yield Said(
                "people-removed", f"another account no longer {may} ({key}): {', '.join(map(safe, sorted(old - new)))}"
            )


def _accounts(values: Mapping[str, Any], key: str, where: str) -> set[str]:
    return {f"{name} {entry.get('account_id')}" for name, entry in objects(values, key, where=where).items()}


def _lists(before: Mapping[str, Any], after: Mapping[str, Any], where: str) -> Iterator[Said]:
    for key, rule, words in (
        ("models", "model-removed", "models go, with their repositories and roles"),
        ("freezes", "freeze-lifted", "freezes are lifted"),
    ):
        old, new = (mapping(values, key, where=where) for values in (before, after))
        gone = sorted(set(old) - set(new))
        changed = sorted(name for name in {*old, *new} - set(gone) if bare(old.get(name)) != bare(new.get(name)))
        changed = [*changed, *sorted(set(new) - set(old) - set(changed))]
        if gone:
            yield Said(rule, f"{words}: {', '.join(map(safe, gone))}")
        if changed:
            yield Said("environment-changed", f"{key} change: {', '.join(map(safe, changed))}")
    yield from _retention(mapping(before, "retention", where=where), mapping(after, "retention", where=where))
    queues = [
        {key: value for key, value in mapping(values, "training_queue", where=where).items() if key != "submitters"}
        for values in (before, after)
    ]
    if bare(queues[0]) != bare(queues[1]):
        yield Said("environment-changed", "the training queue changes")


def _retention(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Said]:
    """Yield what is kept for a shorter time; null keeps for ever, and the usual number is not known here."""
    shorter = [
        f"{safe(key)} {shown(old.get(key)) or 'usual'} → {shown(new.get(key)) or 'usual'}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key) and (key not in new or _less(new[key], old.get(key), default=float("inf")))
    ]
    if shorter:
        yield Said("retention-shortened", f"may be kept for a shorter time: {', '.join(shorter)}")
    elif bare(dict(old)) != bare(dict(new)):
        yield Said("environment-changed", "retention gets longer")
