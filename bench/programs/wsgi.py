"""Two WSGI applications for gunicorn: Flask's, as AWS's examples of own containers have it, and one of nothing else.

https://github.com/aws/amazon-sagemaker-examples (scikit_bring_your_own/container/decision_trees/predictor.py)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

StartResponse = Callable[[str, list[tuple[str, str]]], object]


def bare(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the request's body and nothing around it."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def with_flask() -> Any:
    """Return a Flask application with /ping and /invocations."""
    import flask  # noqa: PLC0415 - the bare application must not pay for it

    app = flask.Flask(__name__)

    @app.get("/ping")
    def ping() -> flask.Response:
        return flask.Response(response="\n", status=200, mimetype="application/json")

    @app.post("/invocations")
    def invocations() -> flask.Response:
        return flask.Response(response=flask.request.data, status=200, mimetype="application/json")

    return app
