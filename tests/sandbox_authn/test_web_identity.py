"""Pipelines log in: tokens of the played issuers, against the trust policy that modules/deploy-role declares.

Terraform, logged in with such a token itself, applies the module's example; then every token is tried on its role.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from sandbox import sessions
from sandbox.__main__ import main
from sandbox.oidc import issuers, tokens
from sandbox.server import Server
from tests.sandbox_authn.forged_tokens import forged
from tests.sandbox_core.helpers import refused

ROOT = Path(__file__).parent.parent.parent
QA = "222222222222"
GITHUB = "token.actions.githubusercontent.com"
ORGANIZATION, PROJECT = "0f1e2d3c-0000-4000-8000-000000000001", "0f1e2d3c-0000-4000-8000-000000000002"
OTHER = "0f1e2d3c-0000-4000-8000-0000000000ff"
CIRCLECI = f"oidc.circleci.com/org/{ORGANIZATION}"
ROLE = f"arn:aws:iam::{QA}:role/slipway-stage-deploy-serving"
PIPELINE = f"arn:aws:iam::{QA}:role/pipeline"
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def trusting(host: str, conditions: dict[str, Any], *, action: Any = "sts:AssumeRoleWithWebIdentity") -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{QA}:oidc-provider/{host}"},
        "Action": action,
        "Condition": conditions,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module", autouse=True)
def providers(client: Callable[..., Any]) -> None:
    """The providers of qa's account. The thumbprint is nobody's: AWS does not compare it for these issuers."""
    iam = client("iam", "qa")
    for host, audience in ((GITHUB, "sts.amazonaws.com"), (CIRCLECI, ORGANIZATION)):
        iam.create_open_id_connect_provider(Url=f"https://{host}", ClientIDList=[audience], ThumbprintList=["0" * 40])
    for name in ("deployment", "workload"):
        iam.create_policy(PolicyName=f"slipway-stage-{name}", PolicyDocument=ANYTHING)


@pytest.fixture(scope="module")
def issue(server: Server) -> Callable[..., str]:
    """Return a token of an issuer; `change` replaces claims, a value of None takes one away."""

    def make(issuer: str = "github", *, change: dict[str, Any] | None = None, **job: Any) -> str:
        defaults: dict[str, Any] = {"repository": "example/slipway", "environment": "stage"}
        if issuer == "circleci":
            defaults = {"organization": ORGANIZATION, "project": PROJECT}
        claims = issuers.claims(issuer, issuers.Job(**defaults | job), now=int(time.time()))
        claims |= change or {}
        kept = {name: value for name, value in claims.items() if value is not None}
        return tokens.sign(server.application.settings, issuer, kept)

    return make


@pytest.fixture(scope="module")
def assume(server: Server) -> Iterator[Callable[..., Any]]:
    sts = boto3.client("sts", config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))

    def call(token: str, role: str = ROLE, **more: Any) -> Any:
        asked = {"RoleArn": role, "RoleSessionName": "pipeline", "WebIdentityToken": token} | more
        return sts.assume_role_with_web_identity(**asked)

    yield call
    sts.close()


@pytest.fixture(scope="module")
def applied(
    server: Server, client: Callable[..., Any], issue: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Apply the estate with unmodified Terraform, logged in by a token file; return what it said."""
    iam = client("iam", "qa")
    trust = trusting(GITHUB, {"StringEquals": {f"{GITHUB}:sub": "repo:example/slipway:environment:stage"}})
    iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName="pipeline", PolicyName="all", PolicyDocument=ANYTHING)
    client("s3", "qa").create_bucket(
        Bucket="authn-states", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    folder = tmp_path_factory.mktemp("terraform")
    shutil.copytree(Path(__file__).parent / "resources" / "estate", folder / "estate")
    shutil.copy(ROOT / "terraform" / "bootstrap" / ".terraform.lock.hcl", folder / "estate")
    (folder / "modules").symlink_to(ROOT / "modules", target_is_directory=True)
    (folder / "token").write_text(issue())
    url = server.application.settings.url
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": url,
        "AWS_ENDPOINT_URL_S3": url,
        "AWS_ENDPOINT_URL_STS": url,
        "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "eu-west-1",
        "AWS_ROLE_ARN": PIPELINE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token"),
        "CHECKPOINT_DISABLE": "1",
    }
    settings = ROOT / ".tools" / "terraform.rc"
    environment.setdefault("TF_CLI_CONFIG_FILE", str(settings))
    if not Path(environment["TF_CLI_CONFIG_FILE"]).is_file():
        environment["TF_CLI_CONFIG_FILE"] = str(settings)
    said = ""
    for arguments in (["init", "-backend-config=use_path_style=true"], ["apply", "-auto-approve"]):
        command = [str(ROOT / ".tools" / "terraform"), *arguments, "-input=false", "-no-color"]
        done = subprocess.run(
            command, cwd=folder / "estate", env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        said += done.stdout
    return said


def test_unmodified_terraform_logs_in_with_a_token(applied: str, client: Callable[..., Any]) -> None:
    """The provider and the S3 backend sign with another SDK than botocore: buckets, odd keys, locks, parameters."""
    assert "Apply complete! Resources: 5 added" in applied
    s3 = client("s3", "qa")
    assert s3.get_object(Bucket="authn-estate", Key="a folder/größe+1.txt")["Body"].read() == b"hello"
    state = json.loads(s3.get_object(Bucket="authn-states", Key="estate.tfstate")["Body"].read())
    assert {one["type"] for one in state["resources"]} >= {"aws_iam_role", "aws_s3_bucket", "aws_ssm_parameter"}


def test_the_sdk_logs_in_with_a_token_file(
    applied: str, issue: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(issue() + "\n")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "run-1")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.delenv("AWS_CONFIG_FILE")
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    who = boto3.Session().client("sts").get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{QA}:assumed-role/slipway-stage-deploy-serving/run-1"
    assert who["UserId"].startswith("AROA")


GOOD: dict[str, dict[str, Any]] = {
    "the environment": {},
    "the project": {"issuer": "circleci"},
    "any user": {"issuer": "circleci", "user": OTHER},
    "its second version": {"issuer": "circleci", "version": 2, "repository": "example/slipway"},
    "the audience as a list of one": {"change": {"aud": ["sts.amazonaws.com"]}},
    "azp before aud": {"change": {"azp": "sts.amazonaws.com", "aud": ["a", "b"]}},
}


@pytest.mark.parametrize("job", GOOD.values(), ids=GOOD)
def test_who_may_log_in(
    applied: str, issue: Callable[..., str], assume: Callable[..., Any], job: dict[str, Any]
) -> None:
    token = issue(**job)
    claims = tokens.read(token).claims
    answer = assume(token)
    assert answer["SubjectFromWebIdentityToken"] == claims["sub"]
    assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/slipway-stage-deploy-serving/pipeline")
    session = sessions.find(answer["Credentials"]["AccessKeyId"])
    assert session is not None
    host = claims["iss"].removeprefix("https://")
    assert session.provider == f"arn:aws:iam::{QA}:oidc-provider/{host}"
    assert set(session.claims) == {f"{host}:aud", f"{host}:sub"}  # what policies of the session may go by later
    assert session.claims[f"{host}:sub"] == claims["sub"]


DENIED: dict[str, dict[str, Any]] = {
    "another environment": {"environment": "production"},
    "an environment that begins alike": {"environment": "stage-2"},
    "upper case": {"environment": "Stage"},
    "another repository": {"repository": "example/other"},
    "a fork": {"repository": "mallory/slipway"},
    "a repository that begins alike": {"repository": "example/slipway2"},
    "a branch": {"environment": None},
    "a pull request": {"environment": None, "is_pull_request": True},
    "a wildcard as subject": {"change": {"sub": "repo:*"}},
    "another project": {"issuer": "circleci", "project": OTHER},
    "a project inside the user": {
        "issuer": "circleci",
        "change": {"sub": f"org/{ORGANIZATION}/project/{OTHER}/user/x/project/{PROJECT}/user/x"},
    },
    "github's subject from the other issuer": {
        "issuer": "circleci",
        "change": {"sub": "repo:example/slipway:environment:stage"},
    },
    "the other's subject from github": {"change": {"sub": f"org/{ORGANIZATION}/project/{PROJECT}/user/{OTHER}"}},
}


@pytest.mark.parametrize("job", DENIED.values(), ids=DENIED)
def test_whom_the_trust_policy_keeps_out(
    applied: str, issue: Callable[..., str], assume: Callable[..., Any], job: dict[str, Any]
) -> None:
    assert refused(assume, token=issue(**job)) == ("AccessDenied", 403)


def later(**offsets: int) -> dict[str, Any]:
    return {name: int(time.time()) + offset for name, offset in offsets.items()}


BAD: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "expired": ("ExpiredTokenException", lambda: {"change": later(exp=-1)}),
    "expired long ago": ("ExpiredTokenException", lambda: {"change": {"exp": 1, "iat": 1, "nbf": 1}}),
    "not yet": ("InvalidIdentityToken", lambda: {"change": later(nbf=400)}),
    "from tomorrow": ("InvalidIdentityToken", lambda: {"change": later(iat=86400, exp=90000)}),
    "for another audience": ("InvalidIdentityToken", lambda: {"change": {"aud": "https://github.com/example"}}),
    "for several": ("InvalidIdentityToken", lambda: {"change": {"aud": ["sts.amazonaws.com", "other"]}}),
    "authorized for another party": ("InvalidIdentityToken", lambda: {"change": {"azp": "other"}}),
    "of an unknown issuer": ("InvalidIdentityToken", lambda: {"change": {"iss": "https://example.com"}}),
    "of an issuer with a slash": ("InvalidIdentityToken", lambda: {"change": {"iss": f"https://{GITHUB}/"}}),
    "of an issuer without https": ("InvalidIdentityToken", lambda: {"change": {"iss": f"http://{GITHUB}"}}),
    "of another organization": ("InvalidIdentityToken", lambda: {"issuer": "circleci", "organization": OTHER}),
    "signed by another issuer": (
        "InvalidIdentityToken",
        lambda: {"change": {"iss": f"https://{CIRCLECI}", "aud": ORGANIZATION}},
    ),
    "without a subject": ("InvalidIdentityToken", lambda: {"change": {"sub": None}}),
    "with a list as subject": (
        "InvalidIdentityToken",
        lambda: {"change": {"sub": ["repo:example/slipway:environment:stage"]}},
    ),
    "without an end": ("InvalidIdentityToken", lambda: {"change": {"exp": None}}),
    "with a text as end": ("InvalidIdentityToken", lambda: {"change": {"exp": "2099-01-01"}}),
    "with a number as audience": ("InvalidIdentityToken", lambda: {"change": {"aud": 5}}),
}


@pytest.mark.parametrize(("code", "job"), BAD.values(), ids=BAD)
def test_tokens_that_are_no_proof(
    applied: str, issue: Callable[..., str], assume: Callable[..., Any], code: str, job: Callable[[], dict[str, Any]]
) -> None:
    assert refused(assume, token=issue(**job())) == (code, 400)


FORGED = (
    "none", "another key", "public key as secret", "its own key", "unknown kid", "other claims", "cut off", "two parts",
    "empty", "not json", "a list", "a name twice",
)  # fmt: skip


@pytest.mark.parametrize("kind", FORGED)
def test_forged_tokens(
    applied: str, server: Server, issue: Callable[..., str], assume: Callable[..., Any], kind: str
) -> None:
    assert refused(assume, token=forged(issue(), kind, server.application.settings)) == ("InvalidIdentityToken", 400)


def test_a_role_that_does_not_exist_or_trusts_others(
    applied: str, client: Callable[..., Any], issue: Callable[..., str], assume: Callable[..., Any]
) -> None:
    assert refused(assume, token=issue(), role=f"arn:aws:iam::{QA}:role/none") == ("AccessDenied", 403)
    assert refused(assume, token=issue(), role=f"arn:aws:iam::{QA}:role/operator") == ("AccessDenied", 403)
    elsewhere = "arn:aws:iam::333333333333:role/operator"  # that account knows no provider
    assert refused(assume, token=issue(), role=elsewhere) == ("InvalidIdentityToken", 400)
    iam = client("iam", "qa")
    trust = trusting(GITHUB, {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}, action="sts:AssumeRole")
    iam.create_role(RoleName="wrong-action", AssumeRolePolicyDocument=trust)
    assert refused(assume, token=issue(), role=f"arn:aws:iam::{QA}:role/wrong-action") == ("AccessDenied", 403)


def test_tags_and_source_identity_of_a_token_need_their_own_permission(
    applied: str, client: Callable[..., Any], issue: Callable[..., str], assume: Callable[..., Any]
) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp
    change = {
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["search"]}, "transitive_tag_keys": ["team"]},
        "https://aws.amazon.com/source_identity": "alice",
    }
    assert refused(assume, token=issue(change=change)) == ("AccessDenied", 403)
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
    trust = trusting(GITHUB, {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}, action=actions)
    role = client("iam", "qa").create_role(RoleName="tagged", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    answer = assume(issue(change=change), role)
    session = sessions.find(answer["Credentials"]["AccessKeyId"])
    assert session is not None
    assert (dict(session.tags), session.transitive) == ({"team": "search"}, {"team"})
    assert (session.source_identity, answer["SourceIdentity"]) == ("alice", "alice")


def test_how_long_a_pipeline_may_work(applied: str, issue: Callable[..., str], assume: Callable[..., Any]) -> None:
    # 14400 s is what the module declares for deploy-serving; one hour is the limit of chains only
    assert assume(issue(), DurationSeconds=14400)["Credentials"]
    assert refused(assume, token=issue(), DurationSeconds=14401) == ("ValidationError", 400)


def test_a_provider_that_goes_takes_its_pipelines_with_it(
    applied: str, client: Callable[..., Any], issue: Callable[..., str], assume: Callable[..., Any]
) -> None:
    iam, arn = client("iam", "qa"), f"arn:aws:iam::{QA}:oidc-provider/{CIRCLECI}"
    assert assume(issue("circleci"))["Credentials"]
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=ORGANIZATION)
    assert refused(assume, token=issue("circleci")) == ("InvalidIdentityToken", 400)
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=ORGANIZATION)
    assert assume(issue("circleci"))["Credentials"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert refused(assume, token=issue("circleci")) == ("InvalidIdentityToken", 400)


def test_an_issuer_that_the_sandbox_does_not_play(
    client: Callable[..., Any], issue: Callable[..., str], assume: Callable[..., Any]
) -> None:
    client("iam", "qa").create_open_id_connect_provider(
        Url="https://accounts.example.com", ClientIDList=["sts.amazonaws.com"], ThumbprintList=[]
    )
    token = issue(change={"iss": "https://accounts.example.com"})
    assert refused(assume, token=token) == ("IDPCommunicationError", 400)


def test_the_keys_are_published(server: Server, issue: Callable[..., str]) -> None:
    base = f"{server.application.settings.url}/_sandbox/oidc"
    for host, issuer in ((GITHUB, "github"), (CIRCLECI, "circleci")):
        with urllib.request.urlopen(f"{base}/{host}/.well-known/jwks") as answer:  # noqa: S310
            assert tokens.read(issue(issuer)).is_signed_by(json.load(answer))
        with urllib.request.urlopen(f"{base}/{host}/.well-known/openid-configuration") as answer:  # noqa: S310
            assert json.load(answer)["issuer"] == f"https://{host}"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{base}/example.com/.well-known/jwks").close()  # noqa: S310


@pytest.fixture
def command(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    settings = server.application.settings
    settings.env_file.touch()
    monkeypatch.setenv("SANDBOX_HOME", str(settings.home))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["token", *arguments])
        printed = capsys.readouterr()
        return code, printed.out.strip(), printed.err

    return run


def test_the_command_prints_what_a_job_would_get(applied: str, command: Any, assume: Callable[..., Any]) -> None:
    repository = ("--issuer", "github", "--repository", "example/slipway")
    code, token, _ = command(*repository, "--environment", "stage")
    assert code == 0
    assert assume(token, DurationSeconds=900)["Credentials"]
    subjects = {
        ("--ref", "refs/tags/v1"): "repo:example/slipway:ref:refs/tags/v1",
        ("--pull-request",): "repo:example/slipway:pull_request",
        (): "repo:example/slipway:ref:refs/heads/main",
        ("--subject", "anything"): "anything",
    }
    for more, subject in subjects.items():
        claims = tokens.read(command(*repository, *more)[1]).claims
        assert claims["sub"] == subject
        assert claims["exp"] - claims["iat"] == 300
    assert refused(assume, token=command(*repository, "--environment", "stage", "--expired")[1])[0].startswith(
        "Expired"
    )
    assert refused(assume, token=command(*repository, "--audience", "x")[1])[0] == "InvalidIdentityToken"
    circleci = tokens.read(
        command("--issuer", "circleci", "--organization", ORGANIZATION, "--project", PROJECT, "--token-version", "2")[1]
    ).claims
    assert circleci["aud"] == ORGANIZATION
    assert circleci["sub"].endswith("/vcs-origin/github.com/example/models/vcs-ref/refs/heads/main")


def test_the_command_says_what_is_missing(command: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert command("--issuer", "github")[0] == 1
    code, _, said = command("--issuer", "circleci", "--organization", "ACME", "--project", PROJECT)
    assert (code, "--organization must be a UUID" in said) == (1, True)
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
    code, _, said = command("--issuer", "github", "--repository", "a/b")
    assert (code, "make sandbox" in said) == (1, True)


def test_the_keys_are_the_owners_alone(server: Server, issue: Callable[..., str]) -> None:
    issue()
    path = server.application.settings.home / "oidc" / "github.pem"
    assert path.stat().st_mode & 0o077 == 0


def test_a_concourse_is_an_issuer_of_its_own(
    server: Server, issue: Callable[..., str], assume: Callable[..., Any], client: Callable[..., Any]
) -> None:
    """Its subject is team and pipeline, its audience what the var source is told."""
    host, iam = issuers.CONCOURSE_HOST, client("iam", "qa")
    iam.create_open_id_connect_provider(
        Url=f"https://{host}", ClientIDList=[issuers.AUDIENCE_OF_AWS], ThumbprintList=["0" * 40]
    )
    trust = trusting(host, {"StringEquals": {f"{host}:sub": "main/slipway", f"{host}:aud": issuers.AUDIENCE_OF_AWS}})
    iam.create_role(RoleName="nightly", AssumeRolePolicyDocument=trust)
    role = f"arn:aws:iam::{QA}:role/nightly"
    assert assume(issue("concourse"), role)["SubjectFromWebIdentityToken"] == "main/slipway"
    other = issue("concourse", pipeline="other")
    assert refused(assume, token=other, role=role) == ("AccessDenied", 403)
    elsewhere = issue("concourse", change={"aud": ["elsewhere"]})
    assert refused(assume, token=elsewhere, role=role) == ("InvalidIdentityToken", 400)
