"""Scenario files, the command, and the address behind it."""

from __future__ import annotations

import http.client
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from sandbox import admin_client, faults
from sandbox.__main__ import main
from sandbox.errors import SandboxError
from sandbox.faults import scenarios
from sandbox.server import Server
from sandbox.settings import from_environment


@pytest.mark.parametrize("name", scenarios.names())
def test_our_scenarios_are_good(name: str) -> None:
    found = scenarios.read(Path(name))
    assert found.about.endswith(".")
    assert all("id" in one for one in found.faults)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is no JSON document"),
        ("[]", "a scenario is a JSON object"),
        ('{"faults": []}', "a scenario is a JSON object"),
        ('{"about": "x", "faults": [], "more": 1}', "nothing else"),
        ('{"about": " ", "faults": [{"kind": "throttle"}]}', "says in a sentence"),
        ('{"about": "x", "faults": {}}', "a list with at least one"),
        ('{"about": "x", "faults": []}', "a list with at least one"),
        ('{"about": "x", "faults": [{"kind": "throttle"}, {"kind": "thrott"}]}', "fault 2: there is no kind"),
        ('{"about": "x", "faults": [{"kind": "slow", "id": "a"}, {"kind": "slow", "id": "a"}]}', "used twice"),
        ('{"about": "x", "faults": [{"kind": "slow", "effect": {"ms": NaN}}]}', "ms is a number"),
        ('{"about": "\\ud800", "faults": [{"kind": "\\ud800"}]}', "there is no kind"),
        ('{"about": "x", "faults": [{"kind": "slow", "match": {"resource": "\\ud800"}}]}', "cannot be printed"),
        ('{"about": "x", "faults": [{"kind": "slow", "times": 1, "times": 2}]}', "'times' is there twice"),
        ("[" * 100_000, "is no JSON document"),
    ],
)
def test_a_bad_file_is_refused_and_nothing_is_set(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, complaint: str
) -> None:
    file = tmp_path / "day.json"
    file.write_text(text)
    assert main(["fault", "load", str(file)]) == 1
    error = capsys.readouterr().err
    assert complaint in error
    assert "day.json" in error
    assert error.count("\n") <= 2
    assert faults.registry().idle


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fault", "load", "no-such-day"]) == 1
    assert "throttled-friday" in capsys.readouterr().err


def test_a_scenario_is_loaded_by_name_listed_and_cleared(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fault", "load", "failed-canary"]) == 0
    assert capsys.readouterr().out.startswith("set bad-bake fail-bake account=333333333333")
    assert main(["fault", "load", "failed-canary"]) == 1
    assert "'bad-bake' is set already" in capsys.readouterr().err
    assert main(["fault", "list"]) == 0
    assert "bad-bake fail-bake" in capsys.readouterr().out
    assert main(["fault", "clear", "bad-bake"]) == 0
    assert main(["fault", "clear", "bad-bake"]) == 1
    assert main(["fault", "clear"]) == 0
    capsys.readouterr()
    assert main(["fault", "list"]) == 0
    assert capsys.readouterr().out == "no fault is set\n"


def test_one_fault_is_set_by_options(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    options = "--kind slow --service s3 --operation GetObject --account qa --set ms=250 --times 3 --every 2 --id late"
    assert main(["fault", "add", *options.split()]) == 0
    assert main(["fault", "add", "--kind", "capacity", "--match", "instance_type=ml.g5.*"]) == 0
    capsys.readouterr()
    assert main(["fault", "list", "--json"]) == 0
    late, capacity = json.loads(capsys.readouterr().out)["faults"]
    assert late["match"] == {"service": "s3", "operation": "GetObject", "account": "222222222222"}
    assert (late["effect"], late["times"], late["every"], late["id"]) == ({"ms": 250}, 3, 2, "late")
    assert capacity["match"] == {"instance_type": "ml.g5.*"}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--kind throttle --service sagemaker --operation CreateModl", "did you mean 'CreateModel'?"),
        ("--kind slow --set ms", "--set takes NAME=VALUE"),
        ("--kind slow --set ms=fast", "ms is a number"),
        ("--kind slow --match instance_type=x", "slow is not told by"),
    ],
)
def test_a_bad_option_is_refused(
    server: Server, capsys: pytest.CaptureFixture[str], options: str, complaint: str
) -> None:
    assert main(["fault", "add", *options.split()]) == 1
    assert complaint in capsys.readouterr().err
    assert faults.registry().idle


def ask(server: Server, method: str, document: Any = None, **headers: str) -> tuple[int, Any]:
    settings = server.application.settings
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=10)
    sent = {
        "Host": f"{settings.host}:{settings.port}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    connection.putrequest(method, "/_sandbox/faults", skip_host=True)
    body = b"" if document is None else json.dumps(document).encode()
    for name, value in {**sent, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def token(server: Server) -> str:
    return admin_client.token_file(server.application.settings).read_text()


def test_the_token_is_the_owners_alone(server: Server) -> None:
    mode = admin_client.token_file(server.application.settings).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert len(token(server)) >= 32


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X_Sandbox_Token": ""},
        {"X_Sandbox_Token": "guess"},
        {"X_Sandbox_Token": "TOKEN", "Host": "evil.example:4700"},
        {"X_Sandbox_Token": "TOKEN", "Host": "127.0.0.1"},
        {"X_Sandbox_Token": "TOKEN", "Origin": "https://evil.example"},
        {"X_Sandbox_Token": "TOKEN", "Origin": "null"},
        {"X_Sandbox_Token": "TOKEN", "Sec_Fetch_Site": "cross-site"},
    ],
)
def test_no_web_page_can_set_a_fault(server: Server, headers: dict[str, str]) -> None:
    sent = {name: value.replace("TOKEN", token(server)) for name, value in headers.items()}
    status, answer = ask(server, "POST", {"faults": [{"kind": "throttle"}]}, **sent)
    assert status == 403
    assert set(answer) == {"error"}
    assert faults.registry().idle


def test_a_foreign_name_reads_nothing_either(server: Server) -> None:
    assert ask(server, "GET", Host="rebound.example:80")[0] == 403
    assert ask(server, "GET")[0] == 200


def test_an_odd_id_is_not_there(server: Server) -> None:
    status, answer = ask(server, "DELETE", {"id": ["x"]}, X_Sandbox_Token=token(server))
    assert (status, "no fault" in answer["error"]) == (400, True)


@pytest.mark.parametrize("document", [None, [], "x", {"faults": {}}, {"fault": []}, {"faults": [1]}])
def test_a_bad_document_is_said_to_be_so(server: Server, document: Any) -> None:
    status, answer = ask(server, "POST", document, X_Sandbox_Token=token(server))
    assert status == 400
    assert answer["error"]


def test_a_command_without_a_server_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
    monkeypatch.setenv("SANDBOX_PORT", "1")
    settings = from_environment()
    with pytest.raises(SandboxError, match="no sandbox answers"):
        admin_client.ask(settings, "GET", "/_sandbox/faults")
