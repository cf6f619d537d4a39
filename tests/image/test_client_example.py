"""The client example, as a process, against the answers of STS, SageMaker's runtime and Lambda on one local port."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from image.slipway_runtime.handler import Handler, load_handler
from tests.image.conftest import REPOSITORY

ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIACALLER</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
CALLER = "arn%3Aaws%3Aiam%3A%3A333333333333%3Arole%2Fslipway-production-ranker-caller-search"


class Aws(ThreadingHTTPServer):
    """What the client needs of AWS; the ranker's own handler answers."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.model = handler
        self.seen: list[tuple[str, str]] = []
        self.keys: list[str | None] = []


class _Answers(BaseHTTPRequestHandler):
    server: Aws

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers.get("Authorization", "")))
        if self.path == "/":
            assert CALLER in body.decode()
            self.answer(200, ASSUMED.encode(), "text/xml")
        elif self.path == "/endpoints/slipway-production-ranker/invocations":
            assert self.headers["X-Amz-Security-Token"] == "token"
            answer = self.server.model.answer(body, self.headers["Content-Type"], self.headers["Accept"])
            if answer.status == 200:
                return self.answer(200, answer.body, answer.content_type)
            error = {"Message": "Received client error", "OriginalStatusCode": 400, "OriginalMessage": answer.reason}
            self.answer(424, json.dumps(error).encode(), "application/json", "ModelError")
        else:
            answer = self.server.model.answer(json.dumps(json.loads(body)["body"]).encode(), "application/json", "")
            self.server.keys.append(json.loads(body).get("sticky_key"))
            headers = {"x-amzn-invoked-production-variant": "main"}
            result = {"statusCode": answer.status, "headers": headers, "body": answer.body.decode()}
            self.answer(200, json.dumps(result).encode(), "application/json")
        return None

    def answer(self, status: int, body: bytes, content_type: str, error: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing: the test looks at what was seen."""


@pytest.fixture
def aws(model_dir: Path) -> Iterator[Aws]:
    server = Aws(load_handler("models.ranker", model_dir))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def rank(aws: Aws, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.server_address[1]}",
        "AWS_ACCESS_KEY_ID": "AKIAAPPLICATION",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [sys.executable, str(REPOSITORY / "examples" / "client" / "rank.py"), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_the_application_asks_as_the_caller_role(aws: Aws, tmp_path: Path) -> None:
    result = rank(aws, tmp_path, "endpoint")
    assert result.returncode == 0, result.stderr
    assert [line.split()[-1] for line in result.stdout.splitlines()[1:]] == [
        "trail-runner",
        "road-runner",
        "worn-out-sandals",
    ]
    (_, first), (path, second) = aws.seen
    assert "Credential=AKIAAPPLICATION/" in first
    assert path == "/endpoints/slipway-production-ranker/invocations"
    assert "Credential=ASIACALLER/" in second, "the endpoint sees the caller role, not the application"


def test_code_inside_the_account_asks_the_function(aws: Aws, tmp_path: Path) -> None:
    result = rank(aws, tmp_path, "invoker", "--key", "customer-7")
    assert (result.returncode, result.stdout.splitlines()[1].split()[-1]) == (0, "trail-runner"), result.stderr
    assert (aws.keys, result.stderr) == (["customer-7"], "answered by variant main\n")
    assert [path for path, _ in aws.seen] == [
        "/2015-03-31/functions/slipway-production-ranker-invoker/invocations?Qualifier=live"
    ]


@pytest.mark.parametrize("way", ["endpoint", "invoker"])
def test_a_refusal_is_told_in_the_models_words(aws: Aws, tmp_path: Path, way: str) -> None:
    question = tmp_path / "question.json"
    question.write_text('{"query": 1, "documents": []}')
    result = rank(aws, tmp_path, way, "--question", str(question))
    assert (result.returncode, result.stdout) == (1, "")
    assert "query must be a string" in result.stderr
    assert "Traceback" not in result.stderr
