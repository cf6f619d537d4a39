"""`slipway review`: what it reads, where it writes, how it ends. It needs no repository around it."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from glue import reviewing
from glue.cli.main import main
from glue.errors import SlipwayError
from glue.tf.showing import show_json
from glue.workspace import Workspace

from .show_samples import CASES, dangerous
from .test_show import SCHEMA

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROMOTION = gzip.decompress((HERE / "plans" / "promotion.json.gz").read_bytes())
DESTROYED = gzip.decompress((HERE / "plans" / "endpoint-destroyed.json.gz").read_bytes())


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, with nothing of this repository in the environment."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("SLIPWAY_")]:
        monkeypatch.delenv(name)
    (folder / "plan.json").write_bytes(PROMOTION)
    (folder / "bad.json").write_bytes(DESTROYED)
    return folder


def bundle(folder: Path, *names: str, data: bytes = PROMOTION) -> Path:
    made = folder.joinpath(*names)
    made.mkdir(parents=True)
    manifest = dict(zip(("env", "stack", "endpoint"), names, strict=False))
    (made / "bundle.json").write_text(json.dumps(manifest))
    (made / "plan.slim.json").write_bytes(data)
    return made


def test_it_starts_in_an_empty_folder_and_imports_nothing_heavy(empty: Path) -> None:
    program = (
        "import sys; from glue.cli.main import main; code = main(['review', 'plan.json'])\n"
        "heavy = {'boto3', 'botocore', 'hcl2', 'rich', 'yaml', 'jsonschema'} & set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=empty, env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Endpoints" in done.stdout or "Findings" in done.stdout
    assert sorted(path.name for path in empty.iterdir()) == ["bad.json", "plan.json"]


def test_the_exit_code_is_the_gates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "bad.json"]) == 3
    assert capsys.readouterr().out.startswith("FORBIDDEN")
    assert main(["review", "bad.json", "--gate", "never"]) == 0
    capsys.readouterr()
    assert main(["review", "plan.json", "--gate", "low"]) == 3
    assert "efused by the gate (low and above)" in capsys.readouterr().out


def test_json_is_one_document_that_fits_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "plan.json", "bad.json", "--format", "json"]) == 3
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert (document["grade"], document["refused"], document["gate"]) == ("forbidden", True, "forbidden")
    assert [one["name"] for one in document["plans"]] == ["plan.json", "bad.json"]
    assert {one["plan"] for one in document["findings"]} == {"plan.json", "bad.json"}
    assert all(type(one["from"]) in {str, type(None)} for one in document["endpoints"])


def test_all_outputs_in_one_run_say_the_same(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [word for form in ("json", "markdown", "sarif", "html") for word in (f"--{form}", f"out.{form}")]
    assert main(["review", "plan.json", *files, "--scope", "qa"]) == 0
    capsys.readouterr()
    assert (empty / "out.markdown").read_text().startswith("<!-- slipway-review:qa -->\n")
    assert "<!doctype html>" in (empty / "out.html").read_text()
    for form in ("markdown", "sarif"):
        assert main(["review", "plan.json", "--format", form, "--scope", "qa"]) == 0
        assert capsys.readouterr().out == (empty / f"out.{form}").read_text()
    grade = json.loads((empty / "out.json").read_text())["grade"]
    assert json.loads((empty / "out.sarif").read_text())["runs"][0]["properties"]["grade"] == grade


def test_stdin_is_a_file_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(PROMOTION)))
    assert main(["review", "-", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["plans"][0]["name"] == "standard input"
    assert main(["review", "-", "-"]) == 2
    Path("plan").write_bytes(b"PK\x03\x04")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"PK\x03\x04")))
    assert main(["review", "-"]) == 2
    assert "standard input is a saved plan" in capsys.readouterr().err


def test_folders_of_bundles_and_reviews_of_others(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle(empty / "plans", "qa", "serving", "ranker")
    bundle(empty / "plans", "production", "foundation", data=DESTROYED)
    assert main(["review", "plans", "--json", "one.json"]) == 3
    text = capsys.readouterr().out
    assert "qa/serving/ranker" in text
    assert "production/foundation" in text
    made = json.loads((empty / "one.json").read_text())
    assert main(["review", "one.json", "plan.json", "--format", "json"]) == 3
    again = json.loads(capsys.readouterr().out)
    assert again["plans"][:2] == made["plans"]
    assert again["findings"][0]["plan"] == "production/foundation"
    assert main(["review", "one.json", "plans/qa/serving/ranker"]) == 2
    assert "qa/serving/ranker is reviewed twice" in capsys.readouterr().err


def test_one_file_named_twice_has_two_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "plan.json", "plan.json", "--format", "json"]) == 0
    names = [one["name"] for one in json.loads(capsys.readouterr().out)["plans"]]
    assert names == ["plan.json", "plan.json (2)"]


def test_findings_point_at_the_data_file_of_the_endpoint(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = empty / "environments" / "qa" / "endpoints" / "ranker.tfvars"
    data.parent.mkdir(parents=True)
    data.touch()
    folder = bundle(empty / "plans", "qa", "serving", "ranker", data=DESTROYED)
    assert main(["review", str(folder), "plan.json", "--format", "sarif"]) == 3
    results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    places = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results}
    assert places == {"environments/qa/endpoints/ranker.tfvars", "plan.json"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give either plans or --diff"),
        (["plan.json", "--diff", "main"], "give either plans or --diff"),
        (["nothing.json"], "there is no file nothing.json"),
        (["."], "holds no bundle"),
        (["plan.tfplan"], "only Terraform can read it"),
        (["broken.json"], "broken.json"),
        (["plan.json", "--scope", "a b"], "is no scope"),
        (["plan.json", "--exceptions", "nothing.toml"], "nothing.toml"),
        (["plan.json", "--prices", "broken.json"], "broken.json"),
    ],
)
def test_wrong_calls_are_one_error_with_exit_code_2(
    empty: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty / "broken.json").write_text('{"format_version": "1.2", ')
    (empty / "plan.tfplan").write_bytes(b"PK\x03\x04rest")
    assert main(["review", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_an_output_that_cannot_be_written_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "plan.json", "--html", "none/page.html"]) == 1
    assert "none/page.html cannot be written" in capsys.readouterr().err


@pytest.fixture
def terraform(tmp_path: Path) -> Path:
    """A program that answers as `terraform show -json` does, and notes how it was called."""
    program = tmp_path / "terraform"
    program.write_text(
        f"#!{sys.executable}\nimport os, pathlib, sys\n"
        f"pathlib.Path({str(tmp_path / 'called')!r}).write_text(' '.join(sys.argv[1:]) + chr(10) + "
        "os.environ.get('TF_DATA_DIR', '') + chr(10) + os.environ.get('TF_LOG', ''))\n"
        "if 'broken' in sys.argv[-1]:\n    sys.exit('Error: Failed to load plugin schemas')\n"
        f"sys.stdout.write(pathlib.Path({str(tmp_path / 'elsewhere' / 'plan.json')!r}).read_text())\n"
    )
    program.chmod(0o755)
    return program


def test_terraform_shows_a_saved_plan(
    empty: Path, terraform: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERRAFORM", str(terraform))
    monkeypatch.setenv("TF_LOG", "trace")
    saved = bundle(empty / "plans", "qa", "serving", "ranker") / "plan.tfplan"
    saved.write_bytes(b"PK\x03\x04")
    assert main(["review", str(saved), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["plans"][0]["name"] == "qa/serving/ranker"
    called, data_dir, log = terraform.with_name("called").read_text().split("\n")
    assert called == f"-chdir={ROOT}/terraform/serving show -json -no-color {saved}"
    assert data_dir.endswith("/terraform/qa/serving/ranker")
    assert log == ""
    (empty / "root").mkdir()
    assert main(["review", str(saved), "--chdir", "root"]) == 0
    assert terraform.with_name("called").read_text().startswith("-chdir=root show")


def test_what_terraform_says_is_passed_on(empty: Path, terraform: Path) -> None:
    with pytest.raises(SlipwayError, match=r"Failed to load plugin schemas"):
        show_json(empty / "broken", folder=empty, data_dir=None, binary=terraform, environ=dict(os.environ))


def test_a_bundle_gets_its_review() -> None:
    workspace = Workspace(root=ROOT, environments=ROOT / "environments", work=ROOT / ".slipway")
    today = reviewing.date(2026, 11, 21)
    made = reviewing.review_plan(DESTROYED, name="qa/serving/ranker", workspace=workspace, today=today)
    assert made.review.grade.word == "forbidden"
    assert made.markdown.startswith("<!-- slipway-review:qa/serving/ranker -->\n")
    assert made.forbidden
    assert all(": " in line and "; " in line for line in made.forbidden)
    document: dict[str, Any] = json.loads(made.json)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)


def test_a_forbidden_sample_is_refused_whatever_else_is_there() -> None:
    report = reviewing.report_of([*CASES["several"].reviews[:2], dangerous()], gate="forbidden")
    assert report.refused


def test_data_files_are_reviewed_without_a_plan(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], cwd=empty, check=True)

    git("init", "-q")
    git("add", "plan.json")
    git("commit", "-qm", "a")
    assert main(["review", "--diff", "HEAD", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert not document["sure"]
    assert main(["review", "--diff", "HEAD"]) == 0
    assert "plan" in capsys.readouterr().out.splitlines()[0]
    assert main(["review", "--diff", "nonsense"]) == 2
    assert main(["review", "--until", "HEAD"]) == 2
