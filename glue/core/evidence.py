"""Evidence: what an environment checked of a release, as a document that its own key signs.

A record is `{"evidence": {...}, "signature": {...}}`. Signed is the SHA-256 of the canonical JSON of `evidence` (sorted
keys, no spaces, UTF-8), so that the public key alone proves it, without this program. A record's bytes are themselves
the one possible text of its content: whatever is changed in it, a blank or a signature's spelling, is refused.

https://docs.aws.amazon.com/kms/latest/developerguide/offline-operations.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from glue.core import names
from glue.core.environment import Neighbour
from glue.core.release import GOLDEN, MODEL_ARCHIVE, SOURCE_ARCHIVE, Release, canonical
from glue.core.strictjson import StrictObject, loads

KIND = "slipway-evidence"
SCHEMA = 1
ALGORITHM = "ECDSA_SHA_256"
LIMIT = 512 * 1024  # bytes: a thousand golden requests with long names fit
LONGEST = timedelta(days=365)  # the target's own limit is shorter as a rule
CLOCKS = timedelta(minutes=5)  # how far two machines' clocks may be apart

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_ACCOUNT = re.compile(r"^\d{12}$")
_NAME = re.compile(r"^[a-z0-9](-?[a-z0-9])*$")
_TEXT = re.compile(r"^[^\x00-\x1f\x7f-\x9f]{1,2048}$")


@dataclass(frozen=True)
class GoldenCheck:
    """One golden request that was answered as promised, in whole microseconds: programs write fractions differently."""

    name: str
    variant: str
    latency_us: int


@dataclass(frozen=True)
class Evidence:
    """What was checked. Times are UTC; `live_since` None means that nobody recorded when the revision became live."""

    release: str
    environment: str
    account: str
    endpoint: str
    revision: str
    checked_at: datetime
    expires_at: datetime
    live_since: datetime | None
    golden: tuple[GoldenCheck, ...]
    digests: Mapping[str, str]
    by: str
    tool: str


@dataclass(frozen=True)
class Signed:
    """A record as it was read: its content, the digest that must have been signed, and the signature (DER)."""

    evidence: Evidence
    digest: bytes
    signature: bytes


def digests_of(release: Release, manifest: bytes) -> dict[str, str]:
    """Return what identifies a release's bytes: manifest, archives and image. `manifest` is release.json as stored."""
    found = {
        "manifest": f"sha256:{hashlib.sha256(manifest).hexdigest()}",
        "content": f"sha256:{release.content}",
        "image": release.image_digest,
        "model": release.files[MODEL_ARCHIVE].sha256,
    }
    if SOURCE_ARCHIVE in release.files:
        found["source"] = release.files[SOURCE_ARCHIVE].sha256
    return found


def content(evidence: Evidence) -> dict[str, object]:
    """Return the part of a record that is signed."""
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "release": evidence.release,
        "environment": evidence.environment,
        "account": evidence.account,
        "endpoint": evidence.endpoint,
        "revision": evidence.revision,
        "live_since": _written(evidence.live_since) if evidence.live_since else None,
        "checked_at": _written(evidence.checked_at),
        "expires_at": _written(evidence.expires_at),
        "checks": {
            "truth": "true",
            "golden": [
                {"name": one.name, "variant": one.variant, "latency_us": one.latency_us} for one in evidence.golden
            ],
        },
        "digests": dict(evidence.digests),
        "by": evidence.by,
        "tool": evidence.tool,
    }


def digest_of(evidence: Evidence) -> bytes:
    """Return the 32 bytes that are signed."""
    return hashlib.sha256(canonical(content(evidence))).digest()


def record(evidence: Evidence, signature: bytes) -> bytes:
    """Return the bytes of a record. Raises ValueError beyond 512 KiB."""
    signed = {"algorithm": ALGORITHM, "value": base64.b64encode(signature).decode()}
    data = _text({"evidence": content(evidence), "signature": signed})
    if len(data) > LIMIT:
        raise ValueError(f"it has {len(data)} bytes; at most {LIMIT} are read")
    return data


def parse(data: bytes) -> Signed:
    """Return what a record says; nothing of it is believed before its signature was verified.

    Raises ValueError, with the reason in words, for whatever is not exactly the text of a record of this schema.
    """
    document = loads(data, limit=LIMIT)
    if not isinstance(document, Mapping):
        raise ValueError("it is not an object")
    whole = StrictObject(document, "record")
    inner = whole.value("evidence")
    if not isinstance(inner, Mapping):
        raise ValueError("its evidence is not an object")
    signature = _signature(whole.nested("signature"))
    whole.close()
    evidence = _evidence(StrictObject(inner, "evidence"))
    if _text(document) != data:
        raise ValueError("its bytes are not the one text of what it says: it was edited")
    return Signed(evidence, hashlib.sha256(canonical(inner)).digest(), signature)


def problems(
    evidence: Evidence, *, release: Release, manifest: bytes, source: Neighbour, now: datetime, max_age_hours: float
) -> list[str]:
    """Return why a genuine record does not let a release pass; none when it does. `source` is who must have checked."""
    found = []
    if (evidence.environment, evidence.account) != (source.name, source.account_id):
        found.append(f"it is of {evidence.environment} ({evidence.account}), not of {source.name}")
    if evidence.release != release.release:
        found.append(f"it is of release {evidence.release}")
    wanted = digests_of(release, manifest)
    different = sorted(name for name in {*wanted, *evidence.digests} if evidence.digests.get(name) != wanted.get(name))
    if different:
        found.append(f"it is of another {' and another '.join(different)} than this release has now")
    if GOLDEN in release.files and not evidence.golden:
        found.append("no golden request was asked")
    return [*found, *_times(evidence, now=now, max_age_hours=max_age_hours)]


def _times(evidence: Evidence, *, now: datetime, max_age_hours: float) -> list[str]:
    ends = min(evidence.expires_at, evidence.checked_at + timedelta(hours=max_age_hours))
    if evidence.checked_at > now + CLOCKS:
        return [f"it was made in the future, at {_written(evidence.checked_at)}"]
    if ends <= now:
        return [f"it expired at {_written(ends)} (checked at {_written(evidence.checked_at)})"]
    if evidence.live_since is not None and evidence.live_since > evidence.checked_at:
        return [f"it was checked at {_written(evidence.checked_at)}, before it was live"]
    return []


def key_of(model: str, release: str, environment: str, number: int) -> str:
    """Return where record `number` (from 1) of an environment lies: `<env>.json`, renewals `<env>.<n>.json`."""
    suffix = "" if number == 1 else f".{number}"
    return f"{prefix_of(model, release)}{environment}{suffix}.json"


def prefix_of(model: str, release: str) -> str:
    """Return the key prefix of a release's evidence, with the trailing slash."""
    return f"evidence/{model}/{release}/"


def number_of(key: str, *, release: str, environment: str) -> int | None:
    """Return which record of an environment a key names, None when it names none."""
    prefix = prefix_of(names.model_of_release(release), release)
    match = re.fullmatch(rf"{re.escape(prefix + environment)}(?:\.([1-9]\d{{0,5}}))?\.json", key)
    if match is None or match[1] == "1":
        return None
    return int(match[1] or 1)


def newest_first(keys: Sequence[str], *, release: str, environment: str) -> list[tuple[int, str]]:
    """Return number and key of every record of an environment among the keys, the newest first."""
    found = [(number_of(key, release=release, environment=environment), key) for key in keys]
    return sorted(((number, key) for number, key in found if number is not None), reverse=True)


def _text(document: object) -> bytes:
    text = json.dumps(document, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


def _written(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _signature(obj: StrictObject) -> bytes:
    algorithm = obj.text("algorithm")
    value = obj.text("value")
    obj.close()
    if algorithm != ALGORITHM:
        raise ValueError(f"it is signed with {algorithm[:40]!r}; this version knows {ALGORITHM}")
    try:
        signature = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("its signature is not base64") from error
    if not 0 < len(signature) <= 512 or base64.b64encode(signature).decode() != value:
        raise ValueError("its signature is not one")
    return signature


def _evidence(obj: StrictObject) -> Evidence:
    kind, schema = obj.text("kind"), obj.integer("schema")
    if (kind, schema) != (KIND, SCHEMA):
        raise ValueError(f"it is {kind[:40]!r} of schema {schema}; this version reads {KIND!r} of schema {SCHEMA}")
    checks = obj.nested("checks")
    if checks.text("truth") != "true":
        raise ValueError("its truth check did not pass")
    golden = _golden(checks.value("golden"))
    checks.close()
    since = obj.optional_text("live_since")
    found = Evidence(
        release=obj.text("release", names.RELEASE_ID),
        environment=obj.text("environment", _NAME),
        account=obj.text("account", _ACCOUNT),
        endpoint=obj.text("endpoint", _NAME),
        revision=obj.text("revision", names.REVISION_ID),
        checked_at=_time(obj.text("checked_at")),
        expires_at=_time(obj.text("expires_at")),
        live_since=_time(since) if since is not None else None,
        golden=golden,
        digests=obj.texts("digests"),
        by=obj.text("by", _TEXT),
        tool=obj.text("tool", _TEXT),
    )
    obj.value("live_since")
    obj.close()
    return found


def _golden(entries: object) -> tuple[GoldenCheck, ...]:
    if not isinstance(entries, list):
        raise ValueError("its golden requests are not a list")
    found = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise ValueError("a golden request of it is not an object")
        obj = StrictObject(entry, "golden request")
        found.append(GoldenCheck(obj.text("name", _TEXT), obj.text("variant", _TEXT), obj.integer("latency_us")))
        obj.close()
    return tuple(found)


def _time(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a time in UTC")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
