"""Revisions: what an endpoint can point at. Frozen data, named by their content."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from types import MappingProxyType

from glue.core.names import REVISION_ID
from glue.errors import RefusedError

# Part of the file, but not of what a revision is.
_REMARKS = ("created", "replaces", "failed", "retried")
# What is kept of why a revision failed, in characters: the file is reviewed by people.
_FAILED_LIMIT = 500
_KNOWN_BY = 200  # characters by which a reason is known again in a remark that begins with other words


@dataclass(frozen=True)
class Serverless:
    """Capacity that SageMaker manages: memory in MB, requests at once, requests kept warm (None: none)."""

    memory_size_in_mb: int
    max_concurrency: int
    provisioned_concurrency: int | None = None


@dataclass(frozen=True)
class DataCapture:
    """Which share of the requests is kept (percent), what of them, where, and with which key.

    Without a key SageMaker's own choice decides, which the store may refuse: requests would be lost in silence.
    """

    sampling_percentage: int
    destination_s3_uri: str
    modes: tuple[str, ...] = ("Input", "Output")
    json_content_types: tuple[str, ...] = ("application/json",)
    csv_content_types: tuple[str, ...] = ("text/csv",)
    key_arn: str | None = None


@dataclass(frozen=True)
class Asynchronous:
    """Answers go to S3, not to the caller: where they and failures lie, with which key, requests at once, topics.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AsyncInferenceConfig.html
    """

    output_s3_uri: str
    failure_s3_uri: str
    key_arn: str | None = None
    max_concurrent_invocations_per_instance: int | None = None
    success_topic_arn: str | None = None
    error_topic_arn: str | None = None


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
    """Releases as variants, with the settings frozen with them.

    `created`, `replaces` (what was live before it), `failed` (why and when it failed live) and `retried` (the failure
    after which it was tried again) are remarks, not content.
    """

    variants: Mapping[str, Variant]
    shadow_variants: Mapping[str, Variant] = field(default_factory=dict)
    asynchronous: Asynchronous | None = None
    data_capture: DataCapture | None = None
    network: Network | None = None
    volume_key_arn: str | None = None
    created: str | None = None
    replaces: str | None = None
    failed: str | None = None
    retried: str | None = None

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
    """All retained revisions of an endpoint, and which one is live. `newest` is the highest number ever given.

    `returning`: live was moved back, by a rollback or after a failure. The alarms that ring because of what was live
    must not undo that.
    """

    live: str | None = None
    revisions: Mapping[str, Revision] = field(default_factory=lambda: MappingProxyType({}))
    newest: int = 0
    returning: bool = False

    @property
    def live_revision(self) -> Revision | None:
        """The live revision's content, None before the first promotion."""
        return self.revisions[self.live] if self.live is not None else None

    def find(self, content: Revision) -> str | None:
        """Return the id of the retained revision with exactly this content; None if there is none.

        Of several, one that did not fail, and then the newest.
        """
        wanted = content_hash(content)
        found = [name for name, revision in self.revisions.items() if content_hash(revision) == wanted]
        return max(found, key=lambda name: (self.revisions[name].failed is None, number_of(name)), default=None)

    def alike(self, content: Revision) -> tuple[str, ...]:
        """Return the retained revisions that differ from a content in instance counts at most, the oldest first."""
        wanted = content_hash(content.without_counts())
        found = [name for name, entry in self.revisions.items() if content_hash(entry.without_counts()) == wanted]
        return tuple(sorted(found, key=number_of))

    def add(self, content: Revision, *, created: str) -> Revisions:
        """Return these revisions with one more, which is live and remembers which one it replaces."""
        number = max([self.newest, *(number_of(name) for name in self.revisions)]) + 1
        name = f"r{number}-{content_hash(content)[:8]}"
        added = replace(content, created=created, replaces=self.live, failed=None, retried=None)
        return Revisions(live=name, revisions={**self.revisions, name: added}, newest=number)

    def move(self, live: str) -> Revisions:
        """Return these revisions with another one live. Raises KeyError when it is not retained.

        Raises RefusedError when it failed: `retry` forgives it first.
        """
        reason = self.revisions[live].failed
        if reason is not None:
            raise refused(live, reason)
        return replace(self, live=live, returning=False)

    def back(self, live: str) -> Revisions:
        """Return these revisions with live moved back to one that served before. Raises KeyError.

        That AWS serves it, or served it before, weighs more than a mark.
        """
        entry = replace(self.revisions[live], failed=None)
        return replace(self, live=live, revisions={**self.revisions, live: entry}, returning=True)

    def fail(self, failed: str, *, reason: str) -> Revisions:
        """Return these revisions with one marked as failed, and why; what was said first is kept."""
        entry = self.revisions[failed]
        marked = replace(entry, failed=entry.failed or remark(reason))
        return replace(self, revisions={**self.revisions, failed: marked})

    def admit(self, content: Revision, *, retry: bool) -> Revisions:
        """Return these revisions, ready to make a content live that may have failed before.

        It failed if a retained revision that differs in instance counts at most is marked, unless the live one is such
        a revision too and is not. Raises RefusedError then; with `retry` the marks are taken away instead.
        """
        alike = self.alike(content)
        marks = {name: said for name in alike if (said := self.revisions[name].failed) is not None}
        if not marks:
            return self
        if retry:
            cleared = {name: replace(self.revisions[name], failed=None, retried=said) for name, said in marks.items()}
            return replace(self, revisions={**self.revisions, **cleared})
        if self.live in alike and self.live not in marks:
            return self
        newest = max(marks, key=number_of)
        raise refused(newest, marks[newest])

    def explains(self, reason: str) -> bool:
        """Tell whether a reason that SageMaker gives is in a remark already: then it is not news."""
        text = remark(reason)[:_KNOWN_BY]
        return any(text in (entry.failed or "") or text in (entry.retried or "") for entry in self.revisions.values())


def refused(revision_id: str, reason: str) -> RefusedError:
    """Return the refusal of a revision that failed."""
    return RefusedError(
        f"revision {revision_id} failed and is not tried again by accident: {reason}",
        remedy="When the cause is mended, give --retry, which takes the mark away.",
    )


def remark(text: str) -> str:
    """Return a text as it may stand in a remark: one line of printable characters, shortened."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _FAILED_LIMIT else f"{line[: _FAILED_LIMIT - 1]}…"


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
