"""A release's manifest: what `release.json` holds, and nothing that talks to AWS."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from glue.core import checksum, names, secrets
from glue.core.checksum import PART_SIZE, Checksums
from glue.core.strictjson import StrictObject, loads
from glue.errors import SlipwayError, UsageError

SCHEMA = 2
READABLE = (1, SCHEMA)  # in the first, a file had no `unpacked`
MANIFEST = "release.json"
MODEL_ARCHIVE = "model.tar.gz"
SOURCE_ARCHIVE = "sourcedir.tar.gz"
GOLDEN = "golden/requests.json"
BASELINE = "baseline.json"
BASELINE_LIMIT = 8 * 1024**2
MANIFEST_LIMIT = 4 * 1024**2

_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
_SHA256 = re.compile(r"^[0-9a-f]{64}$")
_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")
_COMMIT = re.compile(r"^[0-9a-f]{7,64}$")
_FILE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$")
_REPOSITORY = re.compile(r"^[a-z0-9]+([._/-][a-z0-9]+)*$")
# SageMaker's 100, without those that rendering adds: the release, and the source archive's place.
_MAX_VARIABLES = 98
VARIABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,1023}$")


class ManifestError(SlipwayError):
    """A manifest that is not one, or that contradicts itself or its files (exit 1)."""


@dataclass(frozen=True)
class ReleaseFile:
    """One file of a release, by its key below the release's prefix.

    `sha256` is S3's composite checksum: base64 of the SHA-256 over the parts' binary SHA-256 digests, then `-<parts>`
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html). Every file is
    uploaded and copied in parts of `part_size` bytes, so the value is the same in every account exactly when the bytes
    are. `parts` holds each part's base64 SHA-256. `version_id` is that of the bucket in which the release was created.
    `unpacked` is an archive's: the SHA-256 (hex) of what it unpacks to, see `glue.core.archive`.
    """

    name: str
    bytes: int
    sha256: str
    parts: tuple[str, ...]
    part_size: int = PART_SIZE
    version_id: str | None = None
    unpacked: str | None = None

    def same_bytes(self, other: ReleaseFile) -> bool:
        """Tell whether both are the same bytes."""
        return (self.bytes, self.part_size, self.sha256) == (other.bytes, other.part_size, other.sha256)


@dataclass(frozen=True)
class Release:
    """The manifest. Immutable; byte-identical in every account that the release reaches."""

    release: str
    model: str
    created: str  # RFC 3339, UTC, seconds
    commit: str
    image_repository: str  # slipway/ranker
    image_digest: str  # sha256:<64 hex>
    files: Mapping[str, ReleaseFile]
    environment: Mapping[str, str] = field(default_factory=dict)  # container environment
    metrics: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, object] = field(default_factory=dict)  # job name, data, seed, ...
    content: str = ""  # sha256 hex over what makes the release what it is: finds identical content again
    dirty: bool = False  # the working tree had changes that the commit does not hold
    schema: int = SCHEMA

    @property
    def prefix(self) -> str:
        """The key prefix of the release's files, with the trailing slash."""
        return names.release_prefix(self.model, self.release)

    def key(self, name: str) -> str:
        """Return the key of one of the release's files, or of its manifest."""
        return self.prefix + name

    def image_uri(self, account_id: str, region: str) -> str:
        """Return the image in an account's registry, by digest."""
        return f"{account_id}.dkr.ecr.{region}.amazonaws.com/{self.image_repository}@{self.image_digest}"

    def model_data_url(self, bucket: str) -> str:
        """Return where the model archive lies in an environment's artifact bucket."""
        return f"s3://{bucket}/{self.key(MODEL_ARCHIVE)}"


def release_file(
    name: str, checksums: Checksums, *, version_id: str | None = None, unpacked: str | None = None
) -> ReleaseFile:
    """Return the manifest's entry of a file whose checksums are known."""
    found = (checksums.bytes, checksums.composite, checksums.parts, checksums.part_size)
    return ReleaseFile(name, *found, version_id=version_id, unpacked=unpacked)


def content_hash(
    *, image_repository: str, image_digest: str, environment: Mapping[str, str], files: Mapping[str, ReleaseFile]
) -> str:
    """Return the SHA-256 (hex) over what makes a release what it is: files, image and container environment.

    An archive counts by what it unpacks to (docs/decisions/0019), any other file by its bytes. Provenance (time,
    commit, metrics, training) and version ids are left out: they may differ for the same content.
    """
    content = {
        "image": f"{image_repository}@{image_digest}",
        "environment": dict(environment),
        "files": {
            name: ["unpacked", file.unpacked] if file.unpacked else [file.bytes, file.part_size, file.sha256]
            for name, file in files.items()
        },
    }
    return hashlib.sha256(canonical(content)).hexdigest()


def canonical(value: object) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN. Raises ValueError for NaN and infinities."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.encode()


def encode(release: Release) -> bytes:
    """Return the bytes of `release.json`: the same for the same release, readable, ending in a newline."""
    document = asdict(release)
    document["files"] = {name: _file_document(file) for name, file in release.files.items()}
    text = json.dumps(document, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


def _file_document(file: ReleaseFile) -> dict[str, object]:
    document = {**asdict(file), "parts": list(file.parts)}
    del document["name"]
    if file.unpacked is None:
        del document["unpacked"]
    return document


def parse(data: bytes, *, where: str) -> Release:
    """Return the release that a manifest describes. `where` names it in errors.

    Raises ManifestError when it is not JSON, of another schema, has unknown, missing or wrong fields, or when its
    checksums or content hash contradict each other.
    """
    try:
        document = loads(data, limit=MANIFEST_LIMIT)
        if not isinstance(document, Mapping):
            raise ValueError("it is not an object")
        if document.get("schema") not in READABLE:
            raise ManifestError(
                f"{where} has schema {document.get('schema')!r}; this version reads {READABLE[0]} to {SCHEMA}",
                remedy="Use the version of slipway that wrote it, or a newer one.",
            )
        release = _release(StrictObject(document, "manifest"))
        _check_consistent(release)
    except ValueError as error:
        raise ManifestError(
            f"{where} is not a usable manifest: {error}", remedy="It is never edited: create the release anew."
        ) from error
    return release


def _release(obj: StrictObject) -> Release:
    files = obj.nested("files")
    release = Release(
        release=obj.text("release", names.RELEASE_ID),
        model=obj.text("model", names.MODEL_NAME),
        created=obj.text("created", _TIME),
        commit=obj.text("commit", _COMMIT),
        image_repository=obj.text("image_repository", _REPOSITORY),
        image_digest=obj.text("image_digest", _DIGEST),
        files={name: _file(name, files.nested(name)) for name in files.keys()},  # noqa: SIM118 - not a mapping
        environment=obj.texts("environment"),
        metrics=obj.numbers("metrics"),
        training=obj.plain("training"),
        content=obj.text("content", _SHA256),
        dirty=obj.flag("dirty"),
        schema=obj.integer("schema"),
    )
    obj.close()
    return release


def _file(name: str, obj: StrictObject) -> ReleaseFile:
    if not _FILE.match(name) or name == MANIFEST:
        raise ValueError(f"{name!r} cannot be a file of a release")
    file = ReleaseFile(
        name=name,
        bytes=obj.integer("bytes"),
        sha256=obj.text("sha256"),
        parts=obj.text_list("parts"),
        part_size=obj.integer("part_size"),
        version_id=obj.optional_text("version_id"),
        unpacked=obj.text("unpacked", _SHA256) if obj.has("unpacked") else None,
    )
    obj.close()
    return file


def _check_consistent(release: Release) -> None:
    if names.model_of_release(release.release) != release.model:
        raise ValueError(f"release {release.release} is not one of model {release.model}")
    if MODEL_ARCHIVE not in release.files:
        raise ValueError(f"it has no {MODEL_ARCHIVE}")
    for file in release.files.values():
        _check_file(file)
    if content_of(release) != release.content:
        raise ValueError("its content hash does not match its content")


def _check_file(file: ReleaseFile) -> None:
    if not 0 < file.part_size <= checksum.MAX_PART_SIZE or file.bytes < 0:
        raise ValueError(f"{file.name} has {file.bytes} bytes in parts of {file.part_size}")
    # Counted, not listed: a hostile size would otherwise fill the memory with ranges.
    expected = max(1, -(-file.bytes // file.part_size))
    if len(file.parts) != expected or expected > checksum.MAX_PARTS:
        raise ValueError(f"{file.name} has {len(file.parts)} parts, {expected} expected for {file.bytes} bytes")
    if checksum.composite(file.parts) != file.sha256:
        raise ValueError(f"the checksum of {file.name} does not match its parts'")


def content_of(release: Release) -> str:
    """Return the content hash that a release must have."""
    return content_hash(
        image_repository=release.image_repository,
        image_digest=release.image_digest,
        environment=release.environment,
        files=release.files,
    )


def with_content(release: Release) -> Release:
    """Return the release with its content hash filled in."""
    return replace(release, content=content_of(release))


def by_bytes(release: Release) -> Release:
    """Return the release as manifests of schema 1 identify it: archives by their bytes as well."""
    files = {name: replace(file, unpacked=None) for name, file in release.files.items()}
    return with_content(replace(release, files=files))


def check_environment(environment: Mapping[str, str]) -> None:
    """Raise UsageError unless SageMaker takes these container variables and none of them looks like a secret.

    Limits: 100 entries, names and values of at most 1,024 characters
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html). A manifest is readable by
    every account down the chain and shown in plans, so a secret must not be in it.
    """
    if len(environment) > _MAX_VARIABLES:
        raise UsageError(f"{len(environment)} container variables; SageMaker takes 100, and two are slipway's own")
    if names.RELEASE_VARIABLE in environment:
        raise UsageError(
            f"container variable {names.RELEASE_VARIABLE} is slipway's own: it names the release",
            remedy="Choose another name.",
        )
    for key, value in environment.items():
        if not VARIABLE.match(key):
            raise UsageError(f"container variable {key[:80]!r} is not a name", remedy="Letters, digits, underscores.")
        if len(value) > 1024:
            raise UsageError(f"container variable {key} has {len(value)} characters; SageMaker takes 1024")
        if (why := secrets.looks_secret(key, value)) is not None:
            raise UsageError(
                f"container variable {key} looks like a secret ({why}); a manifest is readable in every account",
                remedy="Keep it in Secrets Manager, and give the container its ARN or name.",
            )


def check_metrics(document: object, *, where: str) -> dict[str, float]:
    """Return metrics as name to number. Raises UsageError for anything that is not a flat object of finite numbers."""
    if not isinstance(document, Mapping):
        raise UsageError(f"{where}: metrics are a JSON object of names and numbers")
    metrics: dict[str, float] = {}
    for name, value in document.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise UsageError(f"{where}: metric {name!r} is {value!r}, not a finite number")
        metrics[str(name)] = value
    return metrics
