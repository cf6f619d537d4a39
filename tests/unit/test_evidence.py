"""Evidence: one text for one content, and nothing of it can be changed without being noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import given
from hypothesis import strategies as st

from glue.core import checksum, evidence
from glue.core.environment import Neighbour
from glue.core.evidence import Evidence, GoldenCheck
from glue.core.release import GOLDEN, MODEL_ARCHIVE, SOURCE_ARCHIVE, Release, encode, release_file, with_content

NOW = datetime(2026, 2, 1, 12, 0, 0, tzinfo=UTC)
QA = Neighbour("qa", "222222222222", "eu-west-1")
KEY = ec.generate_private_key(ec.SECP256R1())


def a_release(*, golden: bool = True, source: bool = True) -> Release:
    wanted = {MODEL_ARCHIVE: b"weights", **({SOURCE_ARCHIVE: b"code"} if source else {})}
    wanted |= {GOLDEN: b"[]"} if golden else {}
    return with_content(
        Release(
            release="ranker-20260131t120000-1a2b3c4",
            model="ranker",
            created="2026-01-31T12:00:00Z",
            commit="1a2b3c4d5e6f",
            image_repository="slipway/ranker",
            image_digest="sha256:" + "ab" * 32,
            files={name: release_file(name, checksum.of_bytes(data)) for name, data in wanted.items()},
        )
    )


RELEASE = a_release()
MANIFEST = encode(RELEASE)


def some(**changes: Any) -> Evidence:
    found = Evidence(
        release=RELEASE.release,
        environment="qa",
        account="222222222222",
        endpoint="ranker",
        revision="r7-0123abcd",
        checked_at=NOW - timedelta(hours=1),
        expires_at=NOW + timedelta(days=30),
        live_since=NOW - timedelta(days=2),
        golden=(GoldenCheck("one query", "main", 12340), GoldenCheck("ünïcode", "main", 3000)),
        digests=evidence.digests_of(RELEASE, MANIFEST),
        by="arn:aws:sts::222222222222:assumed-role/operator/jo",
        tool="slipway 0.1.0",
    )
    return replace(found, **changes)


def sign(found: Evidence) -> bytes:
    return KEY.sign(evidence.digest_of(found), ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def is_genuine(data: bytes) -> bool:
    """What a verifier does, with the public key alone."""
    try:
        signed = evidence.parse(data)
        KEY.public_key().verify(signed.signature, signed.digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    except (ValueError, InvalidSignature):
        return False
    return True


RECORD = evidence.record(some(), sign(some()))


def wrong(found: Evidence, **changes: Any) -> list[str]:
    asked: dict[str, Any] = {
        "release": RELEASE, "manifest": MANIFEST, "source": QA, "now": NOW, "max_age_hours": 24,
    } | changes  # fmt: skip
    return evidence.problems(found, **asked)


def test_a_record_comes_back_as_it_was_signed() -> None:
    signed = evidence.parse(RECORD)
    assert signed.evidence == some()
    assert signed.digest == evidence.digest_of(some())
    assert is_genuine(RECORD)
    assert wrong(signed.evidence) == []


def test_it_can_be_checked_with_nothing_but_json_and_sha256() -> None:
    inner = json.loads(RECORD)["evidence"]
    text = json.dumps(inner, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert hashlib.sha256(text).digest() == evidence.parse(RECORD).digest


@given(st.integers(0, len(RECORD) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, change: int) -> None:
    changed = bytearray(RECORD)
    changed[place] ^= change
    assert not is_genuine(bytes(changed))


@given(st.integers(0, len(RECORD) - 1), st.binary(max_size=3))
def test_any_cut_or_addition_is_refused(place: int, more: bytes) -> None:
    assert not is_genuine(RECORD[:place])
    if more:
        assert not is_genuine(RECORD[:place] + more + RECORD[place:])


@pytest.mark.parametrize(
    "change",
    [
        {"release": "ranker-20260131t120001-1a2b3c4"},
        {"environment": "dev"},
        {"account": "333333333333"},
        {"revision": "r8-0123abcd"},
        {"expires_at": NOW + timedelta(days=300)},
        {"live_since": None},
        {"golden": ()},
        {"digests": {**evidence.digests_of(RELEASE, MANIFEST), "image": "sha256:" + "cd" * 32}},
        {"by": "somebody"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_signature_of_something_else_is_refused(change: dict[str, Any]) -> None:
    assert not is_genuine(evidence.record(some(**change), sign(some())))
    other = ec.generate_private_key(ec.SECP256R1())
    signature = other.sign(evidence.digest_of(some()), ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    assert not is_genuine(evidence.record(some(), signature))


def edited(change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(RECORD)
    change(document)
    return f"{json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False)}\n".encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is not JSON"),
        (b"\xff", "not UTF-8"),
        (b"[]", "not an object"),
        (RECORD[:-40], "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b" " * (evidence.LIMIT + 1), "at most"),
        (RECORD.replace(b'"kind"', b'"kind": "x", "kind"'), "the key 'kind' is there twice"),
        (RECORD.replace(b"\n", b"\r\n"), "it was edited"),
        (RECORD + b"\n", "it was edited"),
        (edited(lambda d: d["evidence"].update(schema=2)), "schema 2; this version reads"),
        (edited(lambda d: d["evidence"].update(kind="other")), "this version reads 'slipway-evidence'"),
        (edited(lambda d: d["evidence"].update(more=1)), "unknown fields: more"),
        (edited(lambda d: d["evidence"].pop("by")), "has no field 'by'"),
        (edited(lambda d: d["evidence"].update(account=222222222222)), "account is not a string"),
        (edited(lambda d: d["evidence"].update(checked_at="yesterday")), "not a time in UTC"),
        (edited(lambda d: d["evidence"].update(checked_at="2026-02-31T00:00:00Z")), "day is out of range"),
        (edited(lambda d: d["evidence"].update(by="x\x1b[2J")), "does not look like one"),
        (edited(lambda d: d["evidence"]["checks"].update(truth="false")), "its truth check did not pass"),
        (edited(lambda d: d["evidence"]["checks"].update(golden={})), "not a list"),
        (edited(lambda d: d["evidence"]["checks"]["golden"][0].update(latency_us=12.5)), "whole number"),
        (edited(lambda d: d["signature"].update(algorithm="none")), "signed with 'none'"),
        (edited(lambda d: d["signature"].update(value="@")), "not base64"),
        (edited(lambda d: d["signature"].update(value="")), "its signature is not one"),
        (edited(lambda d: d.update(signature=None)), "signature is not an object"),
    ],
)
def test_what_is_no_record_says_why(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        evidence.parse(data)


@pytest.mark.parametrize(
    ("found", "asked", "said"),
    [
        (some(environment="dev", account="111111111111"), {}, "it is of dev (111111111111), not of qa"),
        (some(account="999999999999"), {}, "it is of qa (999999999999), not of qa"),
        (some(release="ranker-20260131t120001-1a2b3c4"), {}, "it is of release ranker-20260131t120001-1a2b3c4"),
        (some(digests={**some().digests, "image": "sha256:00"}), {}, "it is of another image than"),
        (some(digests={}), {}, "another content and another image and another manifest and another model"),
        (some(), {"release": a_release(source=False)}, "and another source than"),
        (some(), {"manifest": MANIFEST + b" "}, "it is of another manifest than"),
        (some(golden=()), {}, "no golden request was asked"),
        (some(), {"now": NOW + timedelta(hours=24)}, "it expired at 2026-02-02T11:00:00Z"),
        (some(expires_at=NOW), {}, "it expired at 2026-02-01T12:00:00Z"),
        (some(checked_at=NOW + timedelta(minutes=6)), {}, "made in the future"),
        (some(live_since=NOW), {}, "before it was live"),
    ],
)
def test_what_is_genuine_and_does_not_fit_says_why(found: Evidence, asked: dict[str, Any], said: str) -> None:
    assert said in "; ".join(wrong(found, **asked))


def test_what_fits_at_the_edges() -> None:
    assert wrong(some(checked_at=NOW + timedelta(minutes=4))) == [], "two machines' clocks differ"
    assert wrong(some(live_since=None)) == []
    plain = a_release(golden=False)
    fitting = some(golden=(), digests=evidence.digests_of(plain, encode(plain)))
    assert wrong(fitting, release=plain, manifest=encode(plain)) == []


def test_records_are_numbered_and_the_newest_comes_first() -> None:
    release = RELEASE.release
    keys = [evidence.key_of("ranker", release, "qa", number) for number in (1, 2, 10)]
    assert keys[0] == f"evidence/ranker/{release}/qa.json"
    assert keys[1] == f"evidence/ranker/{release}/qa.2.json"
    strange = [key.replace("qa", other) for key in keys for other in ("dev", "qa-2", "QA")]
    strange += [keys[0].replace("qa.json", name) for name in ("qa.1.json", "qa.02.json", "qa.x.json", "qa.json.bak")]
    found = evidence.newest_first([*strange, *keys], release=release, environment="qa")
    assert found == [(10, keys[2]), (2, keys[1]), (1, keys[0])]
