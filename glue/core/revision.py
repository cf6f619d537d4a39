"""Revisions: what an endpoint can point at. Frozen data, named by their content."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from types import MappingProxyType

from glue.core.names import REVISION_ID

# Part of the file, but not of what a revision is.
_REMARKS = ("created", "replaces")


@dataclass(frozen=True)
class Serverless:
    """Capacity that SageMaker manages: memory in MB, requests at once, requests kept warm (None: none)."""

    memory_size_in_mb: int
    max_concurrency: int
    provisioned_concurrency: int | None = None


@dataclass(frozen=True)
class DataCapture:
    """Which share of the requests is kept (percent), what of them, and where."""

    sampling_percentage: int
    destination_s3_uri: str
    modes: tuple[str, ...] = ("Input", "Output")
    json_content_types: tuple[str, ...] = ("application/json",)
    csv_content_types: tuple[str, ...] = ("text/csv",)


@dataclass(frozen=True)
class Network:
    """Where the containers' network interfaces lie, and whether the containers are cut off from any network."""

    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    isolation: bool = False


@dataclass(frozen=True)
class Variant:
    """One release on its capacity: `serverless`, or instance type and count. Timeouts are in seconds."""

    release: str
    image: str
    model_data_url: str
    execution_role_arn: str
    environment: Mapping[str, str] = field(default_factory=dict)
    weight: int = 1
    instance_type: str | None = None
    initial_instance_count: int | None = None
    serverless: Serverless | None = None
    container_startup_health_check_timeout_in_seconds: int | None = None
    model_data_download_timeout_in_seconds: int | None = None


@dataclass(frozen=True)
class Revision:
    """Releases as variants, with the settings frozen with them. `created` and `replaces` are remarks, not content."""

    variants: Mapping[str, Variant]
    shadow_variants: Mapping[str, Variant] = field(default_factory=dict)
    data_capture: DataCapture | None = None
    network: Network | None = None
    volume_key_arn: str | None = None
    created: str | None = None
    replaces: str | None = None

    @property
    def all_variants(self) -> Mapping[str, Variant]:
        """Variants and shadow variants by name."""
        return {**self.variants, **self.shadow_variants}

    @property
    def releases(self) -> tuple[str, ...]:
        """The releases in it, sorted, each once."""
        return tuple(sorted({variant.release for variant in self.all_variants.values()}))

    def with_counts(self, counts: Mapping[str, int]) -> Revision:
        """Return the same content with other instance counts, by variant; serverless variants keep what they have."""

        def counted(variants: Mapping[str, Variant]) -> dict[str, Variant]:
            return {
                name: replace(v, initial_instance_count=counts.get(name, v.initial_instance_count))
                if v.serverless is None
                else v
                for name, v in variants.items()
            }

        return replace(self, variants=counted(self.variants), shadow_variants=counted(self.shadow_variants))

    def without_counts(self) -> Revision:
        """Return the content with every instance count left out, to compare what else differs."""
        none = dict.fromkeys(self.all_variants)
        return replace(
            self,
            variants={n: replace(v, initial_instance_count=none[n]) for n, v in self.variants.items()},
            shadow_variants={n: replace(v, initial_instance_count=none[n]) for n, v in self.shadow_variants.items()},
        )


@dataclass(frozen=True)
class Revisions:
    """All retained revisions of an endpoint, and which one is live. `newest` is the highest number ever given."""

    live: str | None = None
    revisions: Mapping[str, Revision] = field(default_factory=lambda: MappingProxyType({}))
    newest: int = 0

    @property
    def live_revision(self) -> Revision | None:
        """The live revision's content, None before the first promotion."""
        return self.revisions[self.live] if self.live is not None else None

    def find(self, content: Revision) -> str | None:
        """Return the id of the retained revision with exactly this content, the newest first; None if there is none."""
        wanted = content_hash(content)
        found = [name for name, revision in self.revisions.items() if content_hash(revision) == wanted]
        return max(found, key=number_of) if found else None

    def add(self, content: Revision, *, created: str) -> Revisions:
        """Return these revisions with one more, which is live and remembers which one it replaces."""
        number = max([self.newest, *(number_of(name) for name in self.revisions)]) + 1
        name = f"r{number}-{content_hash(content)[:8]}"
        added = replace(content, created=created, replaces=self.live)
        return Revisions(live=name, revisions={**self.revisions, name: added}, newest=number)

    def move(self, live: str) -> Revisions:
        """Return these revisions with another one live. Raises KeyError when it is not retained."""
        if live not in self.revisions:
            raise KeyError(live)
        return replace(self, live=live)


def number_of(revision_id: str) -> int:
    """Return the number in a revision id. Raises ValueError when it is not one."""
    match = REVISION_ID.match(revision_id)
    if not match:
        raise ValueError(f"{revision_id!r} is not a revision id")
    return int(match["number"])


def content_of(revision: Revision) -> dict[str, object]:
    """Return a revision's content as plain data: no remarks, and nothing that is null.

    Strings are in Unicode's NFC, as Terraform keeps them
    (https://developer.hashicorp.com/terraform/language/expressions/types#string).
    """
    content = _plain(revision)
    if not isinstance(content, dict):
        raise TypeError("a revision is an object")
    return {key: value for key, value in content.items() if key not in _REMARKS}


def content_hash(revision: Revision) -> str:
    """Return the SHA-256 (64 hex digits) over the canonical JSON of a revision's content."""
    text = json.dumps(content_of(revision), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((f.name, getattr(value, f.name)) for f in fields(value))
        return {name: _plain(inner) for name, inner in pairs if inner is not None}
    if isinstance(value, Mapping):
        return {_nfc(str(key)): _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, tuple | list):
        # sets in Terraform: order means nothing
        return sorted((_plain(item) for item in value), key=str)
    return _nfc(value) if isinstance(value, str) else value


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
