"""Words that are wrong: exit code 2, one sentence, no traceback; and what --help says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from glue.cli.main import COMMANDS, cli
from tests.cli.conftest import ROOT, Said, check_golden

Call = Callable[..., Said]


def all_commands() -> dict[str, click.Command]:
    """Every command by its words."""
    found: dict[str, click.Command] = {}
    with click.Context(cli) as context:
        for name in COMMANDS:
            command = cli.get_command(context, name)
            assert command is not None
            found[name] = command
            if isinstance(command, click.Group):
                found |= {f"{name} {inner}": sub for inner, sub in command.commands.items()}
    return found


def test_help_lists_the_commands(slipway: Call) -> None:
    said = slipway("--help")
    assert said.code == 0
    check_golden("help", said.out)


@pytest.mark.parametrize("words", all_commands())
def test_every_command_explains_itself(words: str, slipway: Call) -> None:
    said = slipway(*words.split(), "--help")
    assert (said.code, said.err) == (0, "")
    check_golden(f"help-{words.replace(' ', '-')}", said.out)


def test_the_list_says_of_each_command_what_the_command_says() -> None:
    for name, (_, text) in COMMANDS.items():
        assert all_commands()[name].get_short_help_str(200) == text


def test_every_command_that_prints_has_the_common_options() -> None:
    for words, command in all_commands().items():
        if isinstance(command, click.Group):
            continue
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--format", "--verbose"} <= options, words


def test_the_readme_shows_commands_that_there_are() -> None:
    known = all_commands()
    lines = [line.split("#")[0].split() for line in (ROOT / "README.md").read_text().splitlines()]
    shown = [line[1:] for line in lines if line[:1] == ["slipway"]]
    assert shown
    for words in shown:
        two = " ".join(words[:2])
        command = known[two] if two in known else known[words[0]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("promote", "ranker-1", "--to", "qa"), "'ranker-1' is not a release id"),
        (("promote", "ranker-20260131t120000-1a2b3c4", "--to", "nowhere"), "there is no environment 'nowhere'"),
        (("promote", "ranker-20260131t120000-1a2b3c4"), "give either --to, once or several times, or --after"),
        (("rollback", "--env", "qa", "--endpoint", "rnker"), "Did you mean ranker?"),
        (("plan", "--env", "qa", "--stack", "storage"), "'storage' is not one of 'bootstrap'"),
        (("plan", "--env", "qa", "--stack", "foundation", "--endpoint", "ranker"), "stack foundation has no endpoints"),
        (("status", "--format", "xml"), "'xml' is not one of"),
        (("frobnicate",), "No such command 'frobnicate'"),
        (("render", "--env", "qa", "--endpoint", "ranker", "--reseal", "--release", "x"), "--reseal only checks"),
        (("release", "show", "x", "--env", "qa"), "'x' is not a release id"),
    ],
)
def test_wrong_words_are_one_error_with_exit_code_2(
    words: tuple[str, ...], said: str, slipway: Call, release: str
) -> None:
    done = slipway(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: ")
    assert said in done.err
    assert "Traceback" not in done.err


def test_an_error_is_also_one_json_document(slipway: Call) -> None:
    done = slipway("status", "--env", "nowhere", "--format", "json")
    document = json.loads(done.out)
    assert done.code == document["error"]["exit_code"] == 2
    assert "nowhere" in document["error"]["message"]
    assert "Known: dev, qa." in document["error"]["remedy"]


def test_a_closed_pipe_and_no_arguments_end_quietly() -> None:
    program = [sys.executable, "-c", "import sys; from glue.cli.main import main; sys.exit(main(sys.argv[1:]))"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Usage: slipway" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, slipway: Call) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("glue.tf.tfvars.Estate.environment", broken)
    with pytest.raises(ZeroDivisionError):
        slipway("status", "--env", "qa")


def test_no_environments_folder(slipway: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLIPWAY_ENVIRONMENTS", str(tmp_path / "none"))
    done = slipway("status")
    assert done.code == 2
    assert "Set SLIPWAY_ENVIRONMENTS" in done.err
