"""A bundle: one plan with everything that says what it is. `bundle.json` names the rest by its hashes.

Its digest, the SHA-256 of `bundle.json`, is the bundle's name: nothing in it can change without another name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from glue.core.plan import Change, PlannedLive, PlannedVariant, PlanSummary
from glue.core.strictjson import StrictObject, loads

SCHEMA = 1
PLAN, SLIM, REVIEW, COMMENT, MANIFEST = "plan.tfplan", "plan.slim.json", "review.json", "review.md", "bundle.json"
FILES = (PLAN, SLIM, REVIEW, COMMENT)  # what the manifest's hashes speak of
LIFETIME = timedelta(hours=24)
LIMIT = 4 * 1024 * 1024  # bytes of a manifest
FORBIDDEN = "forbidden"
UNREVIEWED = "unreviewed"
GRADES = ("none", "low", "medium", "high", FORBIDDEN, UNREVIEWED)
SHORTEST = 12  # digits of a digest that are enough to name a bundle

_SHA = re.compile(r"[0-9a-f]{64}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Maker:
    """Who made a bundle: the ARN of the caller's own credentials, and in which of the environment's roles.

    `role` is None for credentials that are of none of them, as bootstrap needs them.
    """

    principal: str
    role: str | None = None


@dataclass(frozen=True)
class StateId:
    """Which version of which state: https://developer.hashicorp.com/terraform/language/state/backends."""

    lineage: str
    serial: int


@dataclass(frozen=True)
class Inputs:
    """What a plan is made from, by hash: parts of the code, data files, and the provider lock; each by its name."""

    code: Mapping[str, str] = field(default_factory=dict)
    tfvars: Mapping[str, str] = field(default_factory=dict)
    lock: str = ""
    providers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """What `bundle.json` says. `files` are the hashes of FILES, `refused` why nobody may apply it (empty: they may).

    `state` is None where the plan does not say it; `semantic` names what the plan does (`glue.core.semantic`),
    `secrets` is a slow digest of what it hides. `id` tells two bundles of the same plan apart.
    """

    environment: str
    stack: str
    endpoint: str | None
    summary: PlanSummary
    semantic: str
    grade: str
    files: Mapping[str, str]
    inputs: Inputs
    made_by: Maker
    made_at: datetime
    expires_at: datetime
    terraform_version: str | None = None
    state: StateId | None = None
    commit: str | None = None
    dirty: bool = False
    refused: tuple[str, ...] = ()
    secrets: str | None = None
    id: str = ""

    @property
    def scope(self) -> str:
        """The stack it is of: `qa/serving/ranker`."""
        return "/".join(part for part in (self.environment, self.stack, self.endpoint) if part)

    @property
    def changes(self) -> bool:
        """Whether applying it would do anything."""
        return bool(self.summary.changes) or self.summary.outputs_change

    @property
    def digest(self) -> str:
        """Its name: the SHA-256 of `bundle.json`."""
        return hashlib.sha256(encode(self)).hexdigest()

    def facts(self) -> dict[str, str]:
        """Return what an audit record says of it."""
        return {
            "bundle": self.digest,
            "semantic": self.semantic,
            "grade": self.grade,
            "planned_by": self.made_by.principal,
            "commit": (self.commit or "unknown") + (" (dirty)" if self.dirty else ""),
        }


def encode(manifest: Manifest) -> bytes:
    """Return the bytes of `bundle.json`."""
    inputs = manifest.inputs
    document = {
        "schema_version": SCHEMA,
        "id": manifest.id,
        "env": manifest.environment,
        "stack": manifest.stack,
        "endpoint": manifest.endpoint,
        "grade": manifest.grade,
        "refused": list(manifest.refused),
        "semantic": manifest.semantic,
        "secrets": manifest.secrets,
        "made_by": {"principal": manifest.made_by.principal, "role": manifest.made_by.role},
        "made_at": manifest.made_at.strftime(_TIME),
        "expires_at": manifest.expires_at.strftime(_TIME),
        "commit": manifest.commit,
        "dirty": manifest.dirty,
        "terraform_version": manifest.terraform_version,
        "providers": dict(inputs.providers),
        "state": {"lineage": manifest.state.lineage, "serial": manifest.state.serial} if manifest.state else None,
        "hashes": {**manifest.files, "code": total(inputs.code), "tfvars": total(inputs.tfvars), "lock": inputs.lock},
        "inputs": {"code": dict(inputs.code), "tfvars": dict(inputs.tfvars)},
        "plan": _noted(manifest.summary),
    }
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def decode(data: bytes) -> Manifest:
    """Return what a `bundle.json` says. Raises ValueError when it is none, or not as `encode` writes it."""
    document = loads(data, limit=LIMIT)
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    found = _manifest(StrictObject(document, "bundle"))
    if encode(found) != data:
        raise ValueError("it is not as it was written")
    return found


def _manifest(obj: StrictObject) -> Manifest:
    if obj.integer("schema_version") != SCHEMA:
        raise ValueError(f"its schema_version is not {SCHEMA}")
    hashes, parts, maker = obj.texts("hashes"), obj.nested("inputs"), obj.nested("made_by")
    inputs = Inputs(parts.texts("code"), parts.texts("tfvars"), hashes.get("lock", ""), obj.texts("providers"))
    grade = obj.text("grade")
    if grade not in GRADES:
        raise ValueError(f"its grade {grade[:40]!r} is none of {', '.join(GRADES)}")
    found = Manifest(
        environment=obj.text("env"),
        stack=obj.text("stack"),
        endpoint=obj.optional_text("endpoint"),
        summary=_summary(obj.nested("plan")),
        semantic=obj.text("semantic", _SHA),
        grade=grade,
        files={name: hashes.get(name, "") for name in FILES},
        inputs=inputs,
        made_by=Maker(maker.text("principal"), maker.optional_text("role")),
        made_at=time_of(obj.text("made_at")),
        expires_at=time_of(obj.text("expires_at")),
        terraform_version=obj.optional_text("terraform_version"),
        state=_state(obj),
        commit=obj.optional_text("commit"),
        dirty=obj.flag("dirty"),
        refused=obj.text_list("refused"),
        secrets=obj.optional_text("secrets"),
        id=obj.text("id"),
    )
    obj.close()
    return found


def _state(obj: StrictObject) -> StateId | None:
    if obj.value("state") is None:
        return None
    inner = obj.nested("state")
    return StateId(inner.text("lineage"), inner.integer("serial"))


def time_of(text: str) -> datetime:
    """Return the time of a bundle's field. Raises ValueError."""
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def text_of(when: datetime) -> str:
    """Return a time as a bundle's fields have it: RFC 3339, UTC, seconds."""
    return when.astimezone(UTC).strftime(_TIME)


def total(parts: Mapping[str, str]) -> str:
    """Return one hash of named hashes."""
    return hashlib.sha256("".join(f"{name}\n{parts[name]}\n" for name in sorted(parts)).encode()).hexdigest()


def plan_texts(manifest: Manifest, files: Mapping[str, str]) -> list[str]:
    """Return which of a bundle's own files are not what its manifest says."""
    names = {PLAN: "the saved plan", SLIM: "the slim plan", REVIEW: "the review", COMMENT: "the review's text"}
    return [
        f"{text} ({name}) is missing" if name not in files else f"{text} ({name}) was changed"
        for name, text in names.items()
        if files.get(name) != manifest.files[name]
    ]


def moved(manifest: Manifest, now: Inputs) -> list[str]:
    """Return what moved since a bundle was made, in words: code, data, providers. Nothing: an empty list."""
    found = [
        *_differences("the code", manifest.inputs.code, now.code),
        *_differences("tfvars", manifest.inputs.tfvars, now.tfvars),
    ]
    if manifest.inputs.lock != now.lock:
        found.append(f"the provider lock: {_providers(manifest.inputs.providers, now.providers)}")
    return found


def _differences(what: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterable[str]:
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        yield f"{what}: {shown}"


def _providers(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    said = [f"{name.rpartition('/')[2]} {before.get(name, 'none')} is {now.get(name, 'none')} now" for name in names]
    return ", ".join(said) or "its hashes or constraints"


def locked(text: str) -> dict[str, str]:
    """Return the version of each provider in a `.terraform.lock.hcl`, by source address."""
    return dict(re.findall(r'^provider "([^"]+)" \{\s*^\s*version\s*=\s*"([^"]+)"', text, flags=re.MULTILINE))


def _noted(summary: PlanSummary) -> dict[str, object]:
    """Return what is noted of a plan: addresses, types and kinds of change, but no values."""
    live = summary.live
    return {
        "changes": [[change.address, change.kind, change.what] for change in summary.changes],
        "outputs_change": summary.outputs_change,
        "held_config": summary.held_config,
        "digest": summary.digest,
        "live": {
            "revision": live.revision,
            "returning": live.returning,
            "variants": [[one.name, one.release, one.image, one.model_data_url] for one in live.variants],
        }
        if live
        else None,
    }


def _summary(noted: StrictObject) -> PlanSummary:
    changes = noted.value("changes")
    if not isinstance(changes, list) or not all(_texts(entry, 3) for entry in changes):
        raise ValueError("plan: changes is not a list of address, type and kind")
    return PlanSummary(
        tuple(Change(*entry) for entry in changes),
        noted.flag("outputs_change"),
        held_config=noted.optional_text("held_config"),
        digest=noted.optional_text("digest"),
        live=_live(noted),
    )


def _live(noted: StrictObject) -> PlannedLive | None:
    if noted.value("live") is None:
        return None
    live = noted.nested("live")
    variants = live.value("variants")
    if not isinstance(variants, list) or not all(_texts(entry, 4) for entry in variants):
        raise ValueError("plan.live: variants is not a list of name, release, image and archive")
    return PlannedLive(live.text("revision"), tuple(PlannedVariant(*one) for one in variants), live.flag("returning"))


def _texts(entry: object, count: int) -> bool:
    return isinstance(entry, list) and len(entry) == count and all(isinstance(text, str) for text in entry)
