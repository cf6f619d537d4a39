"""The application's own rules, without a socket: the queue, slow senders, overriding handlers."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from image.slipway_runtime.app import Application, Limits
from image.slipway_runtime.handler import Handler, HandlerError, load_handler

Predict = Callable[[bytes], bytes]


def handler(predict: Predict) -> Handler:
    functions = {
        "input_fn": lambda body, content_type: body,
        "predict_fn": lambda data, model: predict(data),
        "output_fn": lambda prediction, accept: (prediction, "text/plain"),
    }
    return Handler(functions, None)


def application(predict: Predict, *, slots: int = 1, waiting: int = 1, seconds: float = 5.0) -> Application:
    loaded = threading.Event()

    def load() -> Handler:
        loaded.set()
        return handler(predict)

    app = Application(load, Limits(slots, waiting, 100, seconds), on_failure=lambda error: None, on_stuck=lambda: None)
    assert loaded.wait(5)
    return app


def call(app: Application, body: bytes = b"x", stream: object = None) -> tuple[str, dict[str, str], bytes]:
    seen: list[tuple[str, list[tuple[str, str]]]] = []
    environ = {
        "PATH_INFO": "/invocations",
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": stream or io.BytesIO(body),
    }
    answer = b"".join(app(environ, lambda status, headers: seen.append((status, headers))))
    return seen[0][0], dict(seen[0][1]), answer


def test_more_requests_than_slots_and_places_are_refused_at_once() -> None:
    go, started = threading.Event(), threading.Event()

    def predict(data: bytes) -> bytes:
        started.set()
        assert go.wait(10)
        return data

    app = application(predict)
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(call(app)[0])) for _ in range(2)]
    threads[0].start()
    assert started.wait(5)
    threads[1].start()
    while app._running < 2:
        pass
    status, _, body = call(app)
    assert (status, json.loads(body)["error"]["reason"]) == (
        "503 Service Unavailable",
        "too many requests wait for the model",
    )
    go.set()
    for thread in threads:
        thread.join(5)
    assert answers == ["200 OK", "200 OK"]


def test_a_request_that_never_got_a_slot_is_told_so() -> None:
    go = threading.Event()

    def predict(data: bytes) -> bytes:
        assert go.wait(10)
        return data

    app = application(predict, seconds=0.2)
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(call(app)[0])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    go.set()
    assert sorted(answers) == ["503 Service Unavailable", "504 Gateway Timeout"]


def test_a_sender_that_pauses_too_long_is_hung_up_on() -> None:
    class Paused(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise TimeoutError("timed out")

    status, headers, _ = call(application(lambda data: data), stream=Paused())
    assert (status, headers["Connection"]) == ("408 Request Timeout", "close")


def test_a_wrong_status_of_a_handler_is_not_sent_on() -> None:
    class OddError(Exception):
        status = 200

    def predict(data: bytes) -> bytes:
        raise OddError("no")

    assert call(application(predict))[0] == "500 Internal Server Error"


def test_the_archive_overrides_single_functions(model_dir: Path, tmp_path: Path) -> None:
    for name in ("model.txt", "model.json"):
        (tmp_path / name).write_bytes((model_dir / name).read_bytes())
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "wording_helper.py").write_text("WORD = 'overridden'\n")
    (tmp_path / "code" / "inference.py").write_text(
        "import wording_helper\ndef output_fn(prediction, accept):\n    return wording_helper.WORD\n"
    )
    answer = load_handler("models.ranker", tmp_path).answer(
        b'{"query": "q", "documents": []}', "application/json", "application/json"
    )
    assert (answer.status, answer.body) == (200, b"overridden")


def test_a_handler_without_its_functions_is_named(tmp_path: Path) -> None:
    with pytest.raises(HandlerError, match=r"the image has no handler no_such_model\.inference"):
        load_handler("no_such_model", tmp_path)
