"""Destroys: what is lost with each, and what must not be lost at all."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from glue.review.model import Finding, Grade, Part, Settings
from glue.review.plan import Plan
from glue.review.resource import Resource
from glue.review.values import text_of

FILE = Path(__file__).with_name("stateful.toml")
_STORE_NAME = re.compile(
    r"(?:^|[-_./])(?:artifacts?|releases?|models?|state|states|tfstate|terraform)(?:$|[-_./])", re.IGNORECASE
)
_STORE_MODULE = re.compile(r"(?:^|[._])(?:artifact|state|model)s?_?(?:store|bucket)", re.IGNORECASE)
_BUCKETS = (
    "aws_s3_bucket",
    "awscc_s3_bucket",
    "aws_s3_directory_bucket",
    "google_storage_bucket",
    "azurerm_storage_account",
)
_LOCATION = re.compile(r"(?:s3://|https://s3[.a-z0-9-]*\.amazonaws\.com/|arn:[a-z-]+:s3:::)([a-z0-9][a-z0-9.-]{1,62})")
_IMAGE = re.compile(r"^\d{12}\.dkr\.ecr[.a-z0-9-]*\.amazonaws\.com(?:\.cn)?/([^@:]+)")
_REPOSITORIES = ("aws_ecr_repository", "awscc_ecr_repository")
_LOCATED = ("aws_sagemaker_model", "aws_sagemaker_model_package_group", "aws_lambda_function")


@dataclass(frozen=True)
class Kinds:
    """What the types of resources hold, from stateful.toml."""

    holds: Mapping[str, str]
    keys: Mapping[str, str]
    empty: frozenset[str]
    words: frozenset[str]
    nothing: frozenset[str]
    about: tuple[str, ...]

    def lost(self, kind: str) -> str | None:
        """Return what destroying one of a type loses, null when nothing is known to be lost."""
        kind = kind.replace("awscc_", "aws_", 1) if kind.startswith("awscc_") else kind
        known = self.holds.get(kind) or self.keys.get(kind)
        if known or kind in self.empty or kind in self.nothing or kind.endswith(self.about):
            return known
        words = kind.split("_")[1:]
        telling = words[-1:] if kind.startswith("aws_") else words  # the names of AWS's types end in what they are
        return "what it holds, as far as its name tells" if self.words & set(telling) else None

    def is_key(self, kind: str) -> bool:
        """Tell whether a type is a key, without which something cannot be read."""
        return kind in self.keys or kind.replace("awscc_", "aws_", 1) in self.keys


@cache
def kinds() -> Kinds:
    """Return the kinds of stateful.toml."""
    table: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return Kinds(
        holds=table["holds"],
        keys=table["keys"],
        empty=frozenset(table["empty"]["types"]),
        words=frozenset(table["words"]["holds"]),
        nothing=frozenset(table["words"]["nothing"]),
        about=tuple(f"_{word}" for word in table["words"]["about"]),
    )


def inspect(plan: Plan, settings: Settings) -> Part:
    """Return a finding for each destroy or forgetting of something that holds something."""
    stores = Stores(plan)
    findings = tuple(
        found
        for change in plan.changes
        if change.mode == "managed"
        for found in _findings(change, plan, settings, stores)
    )
    return Part(findings=findings)


def _findings(change: Resource, plan: Plan, settings: Settings, stores: Stores) -> Iterator[Finding]:
    lost = kinds().lost(change.type)
    if change.destroyed and lost:
        rule = "key-destroyed" if kinds().is_key(change.type) else "stateful-destroyed"
        if why := stores.why(change):
            rule = "store-destroyed" if rule == "stateful-destroyed" else "store-key-destroyed"
        verb = "replaced" if change.what == "replace" else "destroyed"
        yield settings.rules.finding(
            rule,
            resource=change.address,
            message=f"{_called(change, plan)} is {verb}: this loses {lost}{f'; {why}' if why else ''}",
            details=tuple(_details(change, plan)),
        )
    elif "forget" in change.actions:
        yield settings.rules.finding(
            "resource-forgotten",
            resource=change.address,
            message=f"{_called(change, plan)} leaves Terraform's state and stays in the account, unmanaged",
            grade=Grade.HIGH if lost or change.type == "aws_sagemaker_endpoint" else None,
        )


def _called(change: Resource, plan: Plan) -> str:
    """Return the type and, where there is one, the name in the account."""
    values = change.before or {}
    for attribute in ("bucket", "name", "identifier", "cluster_identifier", "alias", "id"):
        if name := text_of(values, attribute):
            return f"{change.type} {plan.show(name)}"
    return change.type


def _details(change: Resource, plan: Plan) -> Iterator[str]:
    """Yield what makes it better or worse, and what forced a replacement."""
    before = change.before or {}
    if before.get("force_destroy") is True:
        yield "force_destroy is set: it is emptied without asking"
    if before.get("deletion_protection") is True or before.get("deletion_protection_enabled") is True:
        yield "deletion protection is on: the apply fails there"
    if before.get("skip_final_snapshot") is True:
        yield "skip_final_snapshot is set: no snapshot stays"
    window = before.get("deletion_window_in_days")
    if isinstance(window, int) and not isinstance(window, bool):
        yield f"it can be restored for {window} days"
    for path in change.replace_paths[:5]:
        yield f"forced by {plan.show('.'.join(map(str, path)))}"
    if change.deposed:
        yield "it is what an interrupted replacement left behind (deposed)"


class Stores:
    """Knows which buckets and repositories hold artifacts or state, and which keys they need."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @cached_property
    def _served(self) -> frozenset[str]:
        return frozenset(_served(self._plan))

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(_keys(self._plan))

    def why(self, change: Resource) -> str | None:
        """Return why a resource belongs to the artifact or state store, null when nothing says so."""
        if kinds().is_key(change.type):
            return self._why_key(change)
        if change.type in _REPOSITORIES:
            name = text_of(change.before, "name") or text_of(change.before, "repository_name")
            return "models run images of it" if name in self._served else None
        return self._why_bucket(change) if change.type in _BUCKETS else None

    def _why_bucket(self, change: Resource) -> str | None:
        name = text_of(change.before, "bucket") or text_of(change.before, "name") or ""
        if name and name in self._served:
            return "models are served from it"
        if _STORE_MODULE.search(change.module) or _STORE_NAME.search(name) or _STORE_NAME.search(change.name):
            return "its name says that it stores artifacts or state"
        return None

    def _why_key(self, change: Resource) -> str | None:
        values = change.before or {}
        if {values.get(name) for name in ("arn", "key_id", "id")} & self._keys:
            return "a bucket, an endpoint or a table is encrypted with it"
        if _STORE_MODULE.search(change.module) or _STORE_NAME.search(change.name):
            return "its name says that artifacts or state need it"
        return None


def _served(plan: Plan) -> Iterator[str]:
    """Yield the buckets and image repositories that models and functions are read from, before or after."""
    for change in plan.of_type(*_LOCATED):
        for values in (change.before, change.after):
            for text in _strings(values):
                yield from _LOCATION.findall(text)
                yield from _IMAGE.findall(text)
            if bucket := text_of(values, "s3_bucket"):
                yield bucket


def _keys(plan: Plan) -> Iterator[str]:
    """Yield every key that something other than the key itself names, before or after."""
    for change in plan.changes:
        if change.type.startswith("aws_kms_") or change.mode != "managed":
            continue
        for values in (change.before, change.after):
            yield from _named_keys(values)


def _named_keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                if inner and "kms" in name:
                    yield inner
                    yield inner.rpartition("/")[2]
            else:
                yield from _named_keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named_keys(inner)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
