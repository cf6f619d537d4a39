"""The manifest: canonical when written, strict when read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core import checksum
from glue.core.release import (
    GOLDEN,
    ManifestError,
    Release,
    check_environment,
    check_metrics,
    content_of,
    encode,
    parse,
    release_file,
    with_content,
)
from glue.errors import UsageError

DIGEST = "sha256:" + "ab" * 32


def a_release(**changes: Any) -> Release:
    files = {
        "model.tar.gz": release_file("model.tar.gz", checksum.of_bytes(b"weights"), version_id="v1"),
        GOLDEN: release_file(GOLDEN, checksum.of_bytes(b"[]")),
    }
    release = Release(
        release="ranker-20260131t120000-1a2b3c4",
        model="ranker",
        created="2026-01-31T12:00:00Z",
        commit="1a2b3c4d5e6f",
        image_repository="slipway/ranker",
        image_digest=DIGEST,
        files=files,
        environment={"LOG_LEVEL": "info"},
        metrics={"ndcg": 0.75},
        training={"job": "ranker-1", "seed": 7},
    )
    return with_content(replace(release, **changes))


def document(**changes: Any) -> dict[str, Any]:
    return {**json.loads(encode(a_release())), **changes}


def refusal(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(ManifestError) as caught:
        parse(raw, where="s3://b/release.json")
    assert caught.value.exit_code == 1
    return caught.value.message.removeprefix("s3://b/release.json ").removeprefix("is not a usable manifest: ")


def test_reads_what_it_wrote() -> None:
    release = a_release()
    assert parse(encode(release), where="here") == release


@given(
    st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False), max_size=4),
    st.dictionaries(st.text(max_size=5), st.recursive(st.text(max_size=3) | st.integers() | st.none(), st.lists)),
)
def test_reads_what_it_wrote_whatever_the_provenance(metrics: dict[str, float], training: dict[str, Any]) -> None:
    release = a_release(metrics=metrics, training=training)
    assert parse(encode(release), where="here") == release


def test_the_same_release_has_the_same_bytes() -> None:
    release = a_release()
    backwards = replace(release, files=dict(reversed(release.files.items())), training={"seed": 7, "job": "ranker-1"})
    assert encode(release) == encode(backwards)
    assert encode(release).endswith(b"}\n")


def test_places_derive_from_the_release() -> None:
    release = a_release()
    assert release.key("release.json") == "releases/ranker/ranker-20260131t120000-1a2b3c4/release.json"
    assert release.model_data_url("b") == "s3://b/releases/ranker/ranker-20260131t120000-1a2b3c4/model.tar.gz"
    assert release.image_uri("222222222222", "eu-west-1") == (
        f"222222222222.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker@{DIGEST}"
    )


def test_the_content_hash_knows_content_from_provenance() -> None:
    release = a_release()
    provenance = replace(release, commit="f" * 40, metrics={}, training={}, created="2027-01-01T00:00:00Z", dirty=True)
    assert content_of(provenance) == release.content
    file = release.files["model.tar.gz"]
    assert content_of(replace(release, files={**release.files, "model.tar.gz": replace(file, version_id="v2")})) == (
        release.content
    )
    other = release_file("model.tar.gz", checksum.of_bytes(b"other"))
    for changed in (
        replace(release, files={**release.files, "model.tar.gz": other}),
        replace(release, image_digest="sha256:" + "cd" * 32),
        replace(release, environment={"LOG_LEVEL": "debug"}),
    ):
        assert content_of(changed) != release.content


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"surprise": 1}, "manifest has unknown fields: surprise"),
        ({"release": "ranker-latest"}, "manifest: release 'ranker-latest' does not look like one"),
        ({"release": "other-20260131t120000-1a2b3c4"}, "is not one of model ranker"),
        ({"created": "yesterday"}, "manifest: created 'yesterday' does not look like one"),
        ({"image_digest": "latest"}, "manifest: image_digest 'latest' does not look like one"),
        ({"image_digest": DIGEST + "\n"}, "does not look like one"),
        ({"dirty": 0}, "manifest: dirty is not true or false"),
        ({"environment": {"A": 1}}, "manifest.environment: A is not a string"),
        ({"metrics": {"ndcg": True}}, "manifest.metrics: ndcg is not a finite number"),
        ({"metrics": {"ndcg": float("nan")}}, "manifest.metrics: ndcg is not a finite number"),
        ({"training": []}, "manifest: training is not an object"),
        ({"files": {}}, "it has no model.tar.gz"),
        ({"content": "0" * 64}, "its content hash does not match its content"),
        ({"environment": {"LOG_LEVEL": "debug"}}, "its content hash does not match its content"),
    ],
)
def test_a_manifest_that_is_not_one_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert reason in refusal(document(**changes))


@pytest.mark.parametrize("schema", [0, 3, "1", None])
def test_another_schema_is_refused_with_the_remedy(schema: object) -> None:
    with pytest.raises(ManifestError, match=r"has schema .*; this version reads 1 to 2") as caught:
        parse(json.dumps(document(schema=schema)).encode(), where="here")
    assert "Use the version of slipway that wrote it" in str(caught.value)


@pytest.mark.parametrize("field", ["release", "files", "content", "environment", "commit", "dirty"])
def test_a_missing_field_is_named(field: str) -> None:
    broken = document()
    del broken[field]
    assert f"manifest has no field '{field}'" in refusal(broken)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bytes": -1}, "model.tar.gz has -1 bytes in parts of"),
        ({"bytes": 10**18}, "model.tar.gz has 1 parts"),
        ({"bytes": True}, "bytes is not a whole number"),
        ({"part_size": 0}, "model.tar.gz has 7 bytes in parts of 0"),
        ({"parts": []}, "model.tar.gz has 0 parts, 1 expected for 7 bytes"),
        ({"parts": ["aGVsbG8="]}, "is not a base64 SHA-256"),
        ({"sha256": "x"}, "the checksum of model.tar.gz does not match its parts'"),
        ({"more": 1}, "manifest.files.model.tar.gz has unknown fields: more"),
    ],
)
def test_a_file_entry_that_contradicts_itself_is_refused(changes: dict[str, Any], reason: str) -> None:
    broken = document()
    broken["files"]["model.tar.gz"].update(changes)
    assert reason in refusal(broken)


@pytest.mark.parametrize("name", ["../x", "/x", "release.json", "a//b", ".hidden", "a/../b", ""])
def test_a_file_name_that_leaves_the_release_is_refused(name: str) -> None:
    broken = document()
    broken["files"][name] = broken["files"]["model.tar.gz"]
    assert f"{name!r} cannot be a file of a release" in refusal(broken)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "it is not JSON"),
        (b"[]", "it is not an object"),
        (b"\xff{}", "it is not UTF-8"),
        (b'{"schema": 1, "schema": 1}', "the key 'schema' is there twice"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b" " * (4 * 1024**2 + 1), "at most 4194304 are read"),
        (b"1" * 5000, "it is not an object"),
    ],
)
def test_what_is_no_manifest_at_all(raw: bytes, reason: str) -> None:
    message = refusal(raw)
    assert reason in message or "has 5000 digits" in message or "Exceeds the limit" in message


# container environment and metrics


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("DB_PASSWORD", "x", "its name holds PASSWORD"),
        ("apiKey", "x", "its name holds API_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "x", "its name holds SECRET"),
        ("HF_TOKEN", "x", "its name ends in TOKEN"),
        ("TOKEN", "x", "its name ends in TOKEN"),
        ("SETTINGS", "AKIAABCDEFGHIJKLMNOP", "its value holds an AWS access key id"),
        ("DATABASE", "postgres://me:geheim@db/x", "its value holds a password in a URL"),
        ("PEM", "-----BEGIN RSA PRIVATE KEY-----", "its value holds a private key"),
    ],
)
def test_secrets_are_refused_and_never_shown(key: str, value: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_environment({key: value})
    assert f"container variable {key} looks like a secret ({why})" in str(caught.value)
    assert "Secrets Manager" in str(caught.value)
    assert value == "x" or value not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("EOS_TOKEN", "</s>"),
        ("MAX_TOKENS", "100"),
        ("TOKENIZER", "fast"),
        ("DB_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:111111111111:secret:x"),
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:111111111111:secret:x"),
        ("SECRET_NAME", "db"),
        ("KEYBOARD", "qwerty"),
        ("URL", "https://example.com/a:b@c"),
    ],
)
def test_what_only_looks_like_a_secret_is_taken(key: str, value: str) -> None:
    check_environment({key: value})


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"1A": "x"}, "container variable '1A' is not a name"),
        ({"A-B": "x"}, "container variable 'A-B' is not a name"),
        ({"A": "x" * 1025}, "container variable A has 1025 characters; SageMaker takes 1024"),
        ({f"A{n}": "x" for n in range(99)}, "99 container variables; SageMaker takes 100, and two"),
        ({"SLIPWAY_RELEASE": "x"}, "SLIPWAY_RELEASE is slipway's own: it names the release"),
    ],
)
def test_what_sagemaker_does_not_take_is_refused(environment: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        check_environment(environment)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.5", True, None, [1]])
def test_metrics_are_finite_numbers(value: object) -> None:
    with pytest.raises(UsageError, match=r"m.json: metric 'ndcg' is .*, not a finite number"):
        check_metrics({"ndcg": value}, where="m.json")


def test_metrics_are_an_object() -> None:
    with pytest.raises(UsageError, match=r"m.json: metrics are a JSON object"):
        check_metrics([1], where="m.json")
