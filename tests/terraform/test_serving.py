"""The serving root on a mocked provider: what it refuses, and what it makes of nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.terraform_checks import ROOT, provider_binary, run, shared_provider

SERVING = ROOT / "terraform" / "serving"
MODULES = ("model-endpoint", "endpoint-invoker", "caller-role")


@pytest.mark.terraform
def test_the_roots_own_tests_pass() -> None:
    done = run(SERVING, "init", "-backend=false", "-input=false", "-lockfile=readonly", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    with shared_provider(provider_binary(SERVING)) as reattach:
        done = run(SERVING, "test", "-no-color", reattach=reattach)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Success! \d\d passed, 0 failed", done.stdout)


def hcl(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(folder.glob("*.tf"))}


def type_of(text: str, variable: str) -> str:
    """The type of a variable, without its indentation."""
    block = text.split(f'variable "{variable}" {{', 1)[1].split("\n}\n", 1)[0]
    kept = re.search(r"\n  type\s+= (.*?)\n  (?:default|nullable|validation)", block, re.DOTALL)
    assert kept is not None, f"variable {variable} has no type"
    return kept[1].strip()


@pytest.mark.parametrize("variable", ["alarms", "autoscaling", "deployment", "deployment_overrides", "revisions"])
def test_root_and_module_declare_the_same_type(variable: str) -> None:
    root = "\n".join(hcl(SERVING).values())
    module = "\n".join(hcl(ROOT / "modules" / "model-endpoint").values())
    assert type_of(root, variable) == type_of(module, variable)


def test_root_and_module_know_the_same_disks() -> None:
    root, module = SERVING / "hardware.tf", ROOT / "modules" / "model-endpoint" / "main.tf"
    families = [re.search(r"local_disk_families = (.*)", path.read_text()) for path in (root, module)]
    assert families[0] is not None
    assert families[1] is not None
    assert families[0][1] == families[1][1]


@pytest.mark.parametrize(
    ("folder", "subject"),
    [
        (ROOT / "modules" / "model-endpoint", "endpoint ${var.name}"),
        (ROOT / "modules" / "endpoint-invoker", "function ${var.name}:"),
        (ROOT / "modules" / "caller-role", "role ${var.name}:"),
    ],
)
def test_every_refusal_names_its_subject_and_is_tested(folder: Path, subject: str) -> None:
    text = "\n".join(hcl(folder).values())
    messages = re.findall(r"error_message = \"(.*)\"", text)
    assert len(messages) == text.count("error_message")
    assert [message for message in messages if not message.startswith(subject)] == []
    tests = "\n".join(file.read_text() for file in folder.glob("tests/contract*.tftest.hcl"))
    # the postcondition alone cannot be tested on a mocked endpoint, which echoes what it is told
    expected = len(messages) - text.count("postcondition {")
    assert tests.count("expect_failures") >= expected


def test_no_environments_name_is_in_the_code() -> None:
    code = [SERVING, *(ROOT / "modules" / name for name in MODULES)]
    names = sorted(folder.name for folder in (ROOT / "environments").iterdir() if folder.is_dir())
    assert "production" in names
    found = [
        f"{folder.name}/{file}: {name}"
        for folder in code
        for file, text in hcl(folder).items()
        for name in names
        if re.search(rf"\b{name}\b", re.sub(r"https?://\S+", "", text))
    ]
    assert found == []


def test_files_stay_short() -> None:
    code = [SERVING, *(ROOT / "modules" / name for name in MODULES)]
    assert [
        f"{folder.name}/{file}" for folder in code for file, text in hcl(folder).items() if text.count("\n") > 200
    ] == []
