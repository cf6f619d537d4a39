"""What the pipelines' targets do besides calling slipway: identities, outputs, approvals, records, subjects."""

from __future__ import annotations

import fnmatch
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from glue.core.environment import Environment, Neighbour
from scripts.pipelines import approver, identity, outputs, record, subjects
from tests.sandbox.machines.expressions import ExpressionError, evaluate, fill

QA = Environment("qa", "222222222222", "eu-west-1", promotes_from=Neighbour("dev", "111111111111", "eu-west-1"))
PRODUCTION = Environment(
    "production", "333333333333", "eu-west-1", promotes_from=Neighbour("qa", "2" * 12, "eu-west-1")
)


class GitHub(BaseHTTPRequestHandler):
    asked: ClassVar[list[tuple[str, str]]] = []
    answer: ClassVar[Any] = {}

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.answer).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def github() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), GitHub)
    GitHub.asked, GitHub.answer = [], {"value": "a.b.c"}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_github_is_asked_for_a_token_of_its_audience(github: str) -> None:
    environ = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{github}/t?v=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret"}
    assert identity.token(environ) == "a.b.c"
    assert GitHub.asked == [("/t?v=2&audience=sts.amazonaws.com", "Bearer secret")]
    GitHub.answer = {}
    with pytest.raises(identity.NoIdentityError, match="no identity token"):
        identity.token(environ)


def test_the_others_hand_their_token_over() -> None:
    assert identity.token({"CIRCLE_OIDC_TOKEN_V2": "a.b.c\n"}) == "a.b.c"
    assert identity.token({"SLIPWAY_IDENTITY_TOKEN": "a.b.c"}) == "a.b.c"
    with pytest.raises(identity.NoIdentityError, match="id-token: write"):
        identity.token({})


def test_a_profile_for_each_environment_has_the_role_by_the_token() -> None:
    text = identity.profiles([QA, PRODUCTION], "plan", token_file=Path("/t/token"), session="github-1-1")
    assert "[profile qa]\nrole_arn = arn:aws:iam::222222222222:role/slipway-qa-plan\n" in text
    assert text.count("web_identity_token_file = /t/token\nrole_session_name = github-1-1\n") == 2


def test_a_session_is_named_after_the_run() -> None:
    assert identity.session_name({"GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "2"}) == "github-7-2"
    assert identity.session_name({"CIRCLE_WORKFLOW_JOB_ID": "a/b"}) == "circleci-a-b"
    assert len(identity.session_name({"BUILD_ID": "9" * 99})) == 64


def test_a_token_is_renewed_until_its_file_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, github: str
) -> None:
    monkeypatch.setattr(identity, "FOLDER", tmp_path)
    file = tmp_path / "token"
    file.write_text("old")
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            assert file.read_text() == "a.b.c"
            file.unlink()

    environ = {"ACTIONS_ID_TOKEN_REQUEST_URL": github, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret"}
    identity.renew(environ, sleep=sleep, clock=lambda: 0.0)
    assert waits == [identity.RENEW_EVERY_S] * 3
    assert not file.exists()


TOUCHED = {
    "matrix": {
        "include": [
            {"env": "dev", "stack": "bootstrap", "endpoint": None},
            {"env": "qa", "stack": "foundation", "endpoint": None},
            {"env": "qa", "stack": "serving", "endpoint": "ranker"},
        ]
    }
}


def test_what_was_touched_is_split_by_environment() -> None:
    found = outputs.touched(TOUCHED)
    assert (found["count"], found["qa_foundation"], found["qa_serving"]) == ("3", [""], ["ranker"])
    assert "dev_bootstrap" not in found
    assert found["matrix"]["include"][0] == {"env": "dev", "stack": "bootstrap", "endpoint": ""}
    assert outputs.touched({"matrix": {"include": []}})["count"] == "0"


def test_outputs_reach_github_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "FOLDER", tmp_path)
    where = tmp_path / "output"
    environ = {"GITHUB_OUTPUT": str(where)}
    outputs.hand_on("changed-models", {"image": ["a", "b"], "train": []}, environ)
    assert where.read_text() == 'image=["a", "b"]\ntrain=[]\n'
    assert (tmp_path / "changed-models-image.txt").read_text() == "a\nb\n"
    for release in ("r1", "r2"):
        outputs.hand_on("train", {"releases": [release]}, {})
    assert (tmp_path / "train-releases.txt").read_text() == "r1\nr2\n"
    with pytest.raises(SystemExit, match="several lines"):
        outputs.hand_on("train", {"releases": "x\ny=z"}, environ)


def test_the_newest_release_of_a_commit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = "a" * 40
    listed = [
        {"release": f"r{number}-{of[:7]}", "model": "ranker", "complete": number != 3, "created": f"2026-11-2{number}"}
        for number, of in enumerate((commit, commit, "b" * 40, commit))
    ]
    monkeypatch.setenv("COMMIT", commit)
    assert outputs.releases({"releases": listed}) == {"releases": ["r1-aaaaaaa"]}
    monkeypatch.setenv("COMMIT", "c" * 40)
    with pytest.raises(SystemExit, match="no release of commit"):
        outputs.releases({"releases": listed})
    monkeypatch.setenv("COMMIT", "HEAD")
    with pytest.raises(SystemExit, match="all 40 digits"):
        outputs.releases({"releases": listed})


def test_who_approved_is_read_from_the_runs_approvals() -> None:
    def review(login: str, state: str, environment: str) -> dict[str, Any]:
        return {"user": {"login": login}, "state": state, "environments": [{"name": environment}]}

    reviews = [
        review("ann", "approved", "qa"),
        review("bea", "approved", "production"),
        review("bea", "approved", "production"),
        review("cyd", "rejected", "production"),
        review("x\nAWS_PROFILE=admin", "approved", "production"),
        {"state": "approved", "environments": [{"name": "production"}], "user": None},
    ]
    assert approver.approvers(reviews, "production") == ["bea"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    origin, here = tmp_path / "origin", tmp_path / "here"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(tmp_path, "clone", "--quiet", str(origin), str(here))
    (here / "environments/qa/endpoints").mkdir(parents=True)
    (here / "environments/qa/endpoints/ranker.tfvars").write_text("a\n")
    git(here, "checkout", "--quiet", "-B", "main")
    git(here, "add", ".")
    git(here, "commit", "--quiet", "-m", "x")
    git(here, "push", "--quiet", "origin", "HEAD:main")
    return here


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_only_revisions_are_recorded_on_top_of_what_others_pushed(checkout: Path, tmp_path: Path) -> None:
    assert record.record(checkout, "qa", "main").startswith("Nothing to record")
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "origin"), str(other))
    (other / "README").write_text("of somebody else\n")
    git(other, "add", ".")
    git(other, "commit", "--quiet", "-m", "y")
    git(other, "push", "--quiet", "origin", "HEAD:main")
    (checkout / "environments/qa/endpoints/ranker.revisions.tfvars").write_text("live\n")
    (checkout / "environments/qa/endpoints/ranker.tfvars").write_text("by hand\n")
    git(checkout, "checkout", "--", "environments/qa/endpoints/ranker.tfvars")
    assert record.record(checkout, "qa", "main").startswith("Recorded in main")
    log = git(tmp_path / "origin", "log", "--name-only", "--format=%s", "main")
    assert "endpoints/ranker.revisions.tfvars" in log
    assert [line for line in log.splitlines() if " " in line or len(line) == 1] == [
        "Record what is live in qa",
        "y",
        "x",
    ]
    assert record.SKIP in git(tmp_path / "origin", "log", "-1", "--format=%B", "main")


def test_what_cannot_be_recorded_is_said(checkout: Path, tmp_path: Path) -> None:
    (checkout / "environments/qa/endpoints/ranker.revisions.tfvars").write_text("live\n")
    git(checkout, "remote", "set-url", "origin", str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match="What they say is live"):
        record.record(checkout, "qa", "main")


def test_no_branch_passes_for_main_in_circlecis_subject() -> None:
    """IAM's StringLike: `*` crosses slashes, `?` is one character."""
    found = subjects.circleci(QA, ("o" * 36, "p" * 36), "example/slipway", last=False)
    (allowed,) = found["deploy-serving"]
    start = f"org/{'o' * 36}/project/{'p' * 36}/user/0f1e2d3c-0000-4000-8000-000000000001/vcs-origin/github.com"
    assert fnmatch.fnmatchcase(f"{start}/example/slipway/vcs-ref/refs/heads/main", allowed)
    for branch in ("feature", "main2", "x/vcs-origin/github.com/example/slipway/vcs-ref/refs/heads/main"):
        assert not fnmatch.fnmatchcase(f"{start}/example/slipway/vcs-ref/refs/heads/{branch}", allowed)


def test_the_last_environment_is_for_release_tags_and_its_own_github_environment() -> None:
    block = subjects.block(
        PRODUCTION, subjects.Vendors("example/slipway", ("o", "p"), ("ci.example.com", "main/slipway")), last=True
    )
    assert "refs/heads/main" in block.partition("circleci")[0]  # GitHub's plan
    assert "refs/heads/main" not in block.partition("circleci")[2]
    assert block.count("environment:production") == 3
    assert "concourse" not in block


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("needs.a.outputs.x == 'Y' && 'b' || 'c'", "b"),
        ("needs.a.result != 'skipped'", True),
        ("!(needs.none.x == '') || false", False),
        ("fromJSON(needs.a.outputs.list)", ["p", "q"]),
        ("inputs.stack", None),
    ],
)
def test_expressions_mean_what_github_says(source: str, value: object) -> None:
    contexts = {"needs": {"a": {"result": "success", "outputs": {"x": "y", "list": '["p", "q"]'}}}, "inputs": {}}
    assert evaluate(source, contexts) == value


def test_an_unknown_expression_is_an_error() -> None:
    for source in ("secrets.x", "format('a')", "inputs.a ==", "inputs.a inputs.b", "1 + 1"):
        with pytest.raises(ExpressionError):
            evaluate(source, {"inputs": {}})
    assert fill({"a": ["${{ inputs.x }}-${{ inputs.y }}"]}, {"inputs": {"x": True}}) == {"a": ["true-"]}
