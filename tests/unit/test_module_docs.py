"""The generated tables: what they show, and that stale or missing ones are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import module_docs

VARIABLES = """
variable "days" {
  description = "Days until a | b."
  type        = number
  default     = 7
}

variable "settings" {
  description = "Says \\"what\\" is set."
  type        = object({ on = optional(bool, true), names = set(string) })
  default     = { names = ["x"] }
}

variable "name" {
  description = "The name."
  type        = string
}
"""
OUTPUTS = """
output "arn" {
  description = "The ARN."
  value       = "arn"
}
"""
PERMISSIONS = """
locals {
  read_all = {
    ReadThings = {
      actions    = ["s3:GetObject", "s3:ListBucket"]
      resources  = ["arn:aws:s3:::${var.name}/*"]
      conditions = [{ test = "Bool", variable = "aws:SecureTransport", values = ["true"] }]
    }
  }
  write_all = merge(local.read_all, {
    StayOut = {
      effect     = "Deny"
      actions    = ["s3:PutObject"]
      resources  = ["*"] # the reason
      conditions = [local.shared]
    }
  })
}
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    module = tmp_path / "bucket"
    module.mkdir()
    (module / "versions.tf").write_text("terraform {}\n")
    (module / "variables.tf").write_text(VARIABLES)
    (module / "outputs.tf").write_text(OUTPUTS)
    (module / "README.md").write_text(
        "# bucket\n\nBy hand.\n\n<!-- tables -->\nold\n<!-- /tables -->\n\nAlso by hand.\n"
    )
    return tmp_path


def test_writes_what_stands_between_the_markers_only(modules: Path) -> None:
    assert module_docs.main([], modules) == 0
    text = (modules / "bucket" / "README.md").read_text()
    assert text.startswith("# bucket\n\nBy hand.\n\n<!-- tables -->\n## Variables\n")
    assert text.endswith("<!-- /tables -->\n\nAlso by hand.\n")
    assert "| `days` | `number` | `7` | Days until a \\| b. |" in text
    assert "| `name` | `string` | required | The name. |" in text
    assert '| `{ names = ["x"] }` | Says "what" is set. |' in text
    assert "| `arn` | The ARN. |" in text


def test_check_finds_stale_tables_and_writes_nothing(modules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (modules / "bucket" / "README.md").read_text()
    assert module_docs.main(["--check"], modules) == 1
    assert "bucket: the tables of README.md are out of date" in capsys.readouterr().err
    assert (modules / "bucket" / "README.md").read_text() == before
    assert module_docs.main([], modules) == 0
    assert module_docs.main(["--check"], modules) == 0


def test_check_finds_a_variable_added_later(modules: Path) -> None:
    assert module_docs.main([], modules) == 0
    more = '\nvariable "extra" {\n  description = "More."\n  type        = bool\n}\n'
    (modules / "bucket" / "variables.tf").write_text(VARIABLES + more)
    assert module_docs.main(["--check"], modules) == 1


@pytest.mark.parametrize("text", [None, "# bucket\n"])
def test_a_readme_without_markers_is_a_finding(
    modules: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = modules / "bucket" / "README.md"
    readme.unlink()
    if text is not None:
        readme.write_text(text)
    assert module_docs.main([], modules) == 1
    assert "bucket: README.md must exist and hold the lines" in capsys.readouterr().err


def test_a_variable_without_description_is_a_finding(modules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (modules / "bucket" / "variables.tf").write_text('variable "days" {\n  type = number\n}\n')
    assert module_docs.main([], modules) == 1
    assert "variable days has no description" in capsys.readouterr().err


def test_one_broken_module_does_not_hide_another(modules: Path) -> None:
    (modules / "another").mkdir()
    (modules / "another" / "versions.tf").write_text("terraform {}\n")
    assert module_docs.main([], modules) == 1
    assert "## Variables" in (modules / "bucket" / "README.md").read_text()


def test_prints_permission_tables(modules: Path) -> None:
    (modules / "bucket" / "main.tf").write_text(PERMISSIONS)
    text = module_docs.tables(modules / "bucket")
    things = ["ReadThings", "`s3:GetObject`<br>`s3:ListBucket`", "`arn:aws:s3:::${var.name}/*`"]
    read = f"| {' | '.join(things)} | `Bool aws:SecureTransport: true` |"
    assert f"### read-all\n\n| statement | may | on | only if |\n| --- | --- | --- | --- |\n{read}" in text
    assert "### write-all\n\nWith all of `read-all`." in text
    assert "| StayOut | never `s3:PutObject` | `*` | `local.shared` |" in text


def test_the_repositorys_own_readme_has_the_presets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint = tmp_path / "modules" / "model-endpoint"
    endpoint.mkdir(parents=True)
    (endpoint / "versions.tf").write_text("terraform {}\n")
    (endpoint / "README.md").write_text("<!-- tables -->\n<!-- /tables -->\n")
    (endpoint / "deployment.tf").write_text(
        'locals {\n  deployment_profiles = {\n    fast = { wait_s = 60, suits = "a rehearsal" }\n  }\n}\n'
    )
    (tmp_path / "README.md").write_text("Before.\n<!-- presets -->\n<!-- /presets -->\nAfter.\n")
    assert module_docs.main(["--check"], endpoint.parent) == 1
    assert "`make docs`" in capsys.readouterr().err
    assert module_docs.main([], endpoint.parent) == 0
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("Before.\n<!-- presets -->\n| preset | `wait_s` | suits |\n")
    assert "| `fast` | `60` | a rehearsal |" in text
    assert text.endswith("<!-- /presets -->\nAfter.\n")
    assert module_docs.main(["--check"], endpoint.parent) == 0
