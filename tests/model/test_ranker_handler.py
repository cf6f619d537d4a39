"""The handler answers right requests, and every wrong one with a status and a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from glue.core.golden import parse_golden
from image.slipway_runtime.handler import Handler
from models.ranker import inference
from models.ranker.settings import Settings

JSON, CSV = "application/json", "text/csv"
GOOD = [1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0]


@pytest.fixture(scope="session")
def handler(model: inference.Model) -> Handler:
    functions = {name: getattr(inference, name) for name in ("model_fn", "input_fn", "predict_fn", "output_fn")}
    return Handler(functions, model)


def request(documents: object, query: object = "q") -> bytes:
    return json.dumps({"query": query, "documents": documents}).encode()


def test_named_and_listed_features_mean_the_same(handler: Handler, config: Settings) -> None:
    named = request([{"id": "a", "features": dict(reversed(list(zip(config.features, GOOD, strict=True))))}])
    answers = [handler.answer(body, JSON, JSON).body for body in (named, request([{"id": "a", "features": GOOD}]))]
    assert answers[0] == answers[1]
    answer = json.loads(answers[0])
    assert set(answer) == {"ranking", "model"}
    assert answer["model"]["name"] == "ranker"
    assert len(answer["model"]["version"]) == 12


def test_the_best_comes_first_and_ties_keep_their_order(handler: Handler) -> None:
    spam = [*GOOD[:7], 1.0]
    documents = [{"id": number, "features": spam if number == 1 else GOOD} for number in range(4)]
    ranking = json.loads(handler.answer(request(documents), JSON, "*/*").body)["ranking"]
    assert [item["id"] for item in ranking] == [0, 2, 3, 1]
    scores = [item["score"] for item in ranking]
    assert scores == sorted(scores, reverse=True)


def test_csv_in_and_out_agrees_with_json(handler: Handler, config: Settings) -> None:
    header = ",".join(["id", *reversed(config.features)])
    rows = [",".join(["a", *map(str, reversed(GOOD))]), ",".join(["b", *["0"] * 8])]
    body = "\r\n".join([header, *rows]).encode()
    answer = handler.answer(body, "text/csv; charset=utf-8", CSV)
    assert (answer.status, answer.content_type) == (200, CSV)
    by_json = json.loads(handler.answer(body, CSV, JSON).body)["ranking"]
    lines = answer.body.decode().splitlines()
    assert lines == ["id,score", *(f"{item['id']},{item['score']}" for item in by_json)]


BAD = [
    (b"\xff\xfe", JSON, 400, "not UTF-8 (byte 0)"),
    (b"{", JSON, 400, "not JSON"),
    (b"[" * 100_000, JSON, 400, "not JSON"),
    (b"9" * 5000, JSON, 400, "not JSON"),
    (b"[]", JSON, 400, "exactly the keys query and documents"),
    (b'{"query": "q", "documents": [], "extra": 1}', JSON, 400, "exactly the keys"),
    (request([], query=1), JSON, 400, "query must be a string"),
    (request([], query="x" * 1001), JSON, 400, "more than 1000 characters"),
    (request({}), JSON, 400, "documents must be a list"),
    (request([1]), JSON, 400, "documents[0] must be an object"),
    (request([{"id": None, "features": GOOD}]), JSON, 400, "documents[0].id must be"),
    (request([{"id": True, "features": GOOD}]), JSON, 400, "documents[0].id must be"),
    (request([{"id": 1, "features": GOOD}] * 2), JSON, 400, "the id '1' occurs twice"),
    (request([{"id": 1, "features": GOOD[:-1]}]), JSON, 400, "has 7 values; the model takes 8"),
    (request([{"id": 1, "features": {"bm25": 1}}]), JSON, 400, "title_match is missing"),
    (request([{"id": 1, "features": "GOOD"}]), JSON, 400, "must be a list or an object"),
    (request([{"id": 1, "features": [*GOOD[:7], True]}]), JSON, 400, "features.spam must be a number"),
    (request([{"id": 1, "features": [*GOOD[:7], None]}]), JSON, 400, "features.spam must be a number"),
    (request([{"id": 1, "features": [*GOOD[:7], 10**400]}]), JSON, 400, "features.spam must be finite"),
    (request([{"id": 1, "features": [*GOOD[:7], float("nan")]}]), JSON, 400, "NaN is not a JSON number"),
    (request([{"id": 1, "features": [*GOOD[:7], 0.1]}]).replace(b"0.1", b"1e999"), JSON, 400, "must be finite"),
    (request([{"id": n, "features": GOOD} for n in range(1001)]), JSON, 413, "1001 documents; at most 1000"),
    (b"{}", "application/x-npy", 415, "'application/x-npy' is not supported"),
    (b"{}", "", 415, "'' is not supported"),
    (b"", CSV, 400, "the first line must be the header"),
    (b"id,bm25,bm25\n", CSV, 400, "names a feature twice"),
    (b"id,bm25\na\n", CSV, 400, "line 2 has 1 columns instead of 2"),
    (b"id,bm25\na,b\n", CSV, 400, "line 2: 'b' is not a number"),
    (b'id,bm25\n"a,b\n', CSV, 400, "not CSV"),
    (b"id,bm25\na,1\n", CSV, 400, "title_match is missing"),
    (b"id,bm25\na,inf\n", CSV, 400, "title_match is missing"),
]


@pytest.mark.parametrize(("body", "content_type", "status", "words"), BAD, ids=[case[3] for case in BAD])
def test_wrong_requests(handler: Handler, body: bytes, content_type: str, status: int, words: str) -> None:
    answer = handler.answer(body, content_type, JSON)
    assert (answer.status, answer.error) == (status, None), answer.body
    assert words in json.loads(answer.body)["error"]["reason"]
    assert len(answer.body) < 2000


def test_infinite_csv_features_are_refused(handler: Handler, config: Settings) -> None:
    body = ("id," + ",".join(config.features) + "\na,inf" + ",0" * 7).encode()
    answer = handler.answer(body, CSV, JSON)
    assert (answer.status, "bm25 must be finite" in answer.body.decode()) == (400, True)


def test_what_cannot_be_accepted(handler: Handler) -> None:
    answer = handler.answer(request([]), JSON, "image/png")
    assert (answer.status, "cannot answer as 'image/png'" in str(answer.reason)) == (406, True)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(), inner), max_leaves=12
)
documents = st.lists(st.fixed_dictionaries({"id": scalars, "features": values}) | values, max_size=3)


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.builds(request, documents) | values.map(lambda v: json.dumps(v).encode()) | st.binary())
def test_whatever_comes_the_caller_is_answered(handler: Handler, body: bytes) -> None:
    for content_type in (JSON, CSV):
        answer = handler.answer(body, content_type, JSON)
        assert answer.status in {200, 400}, (answer.body, answer.error)
        json.loads(answer.body)


def test_golden_requests_are_answered_as_they_promise(handler: Handler, model_dir: Path) -> None:
    requests = parse_golden((model_dir / "golden" / "requests.json").read_bytes(), where="the archive")
    assert {request.content_type for request in requests} == {JSON, CSV}
    assert all(request.latency_ms for request in requests)
    for golden in requests:
        answer = handler.answer(golden.body, golden.content_type, golden.accept)
        assert json.loads(answer.body) == golden.expect


@pytest.mark.parametrize("name", ["model.txt", "model.json"])
def test_a_damaged_archive_does_not_load(model_dir: Path, tmp_path: Path, name: str) -> None:
    for file in ("model.txt", "model.json"):
        content = (model_dir / file).read_bytes()
        (tmp_path / file).write_bytes(content[: len(content) // 2] if file == name else content)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|is cut off or was changed"):
        inference.model_fn(str(tmp_path))
