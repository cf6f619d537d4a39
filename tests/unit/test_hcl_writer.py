"""The writer's text must mean what was written, to our reader and to Terraform, and please `terraform fmt`."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glue.errors import UsageError
from glue.tf import hcl, writer

HOSTILE = [
    "",
    'a"b',
    "${x}",
    "$${x}",
    "$$${x}",
    "%{if true}y%{endif}",
    "%%{x}",
    "$",
    "%",
    "$$",
    "${",
    "a\nb\r\n\tc",
    "\\",
    "\\n",
    '\\"',
    "\x00\x07\x7f\x85",
    "é ☃ 😀",
    "\u2028\ufeff",
    "<<EOT\nx\nEOT",
    "# // /* no comment */",
    "}\n]",
    "𝔘",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(HOSTILE)
SCALAR = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT
VALUE = st.recursive(
    SCALAR | st.lists(TEXT, max_size=3),
    lambda inner: st.dictionaries(TEXT.filter(bool), inner, max_size=4),
    max_leaves=10,
)
NAME = st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True).filter(lambda n: n not in {"null", "true", "false"})


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAME, VALUE, max_size=3))
def test_what_is_written_is_read_back(values: dict[str, object]) -> None:
    assert hcl.parse(writer.body(values), name="x") == values


def test_hostile_strings_mean_the_same_to_terraform_and_fmt_changes_nothing(tmp_path: Path) -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.fail("there is no terraform on PATH")
    values = {
        "short": 1,
        "a_longer_name": "x",
        "object": {
            "one": None,
            "twotwo": ["a", "b"],
            "deep": {"é key": True, "key": -3, "empty": {}, "long-key": "v"},
            "after": 7,
            "x": {},
        },
        "hostile": {f"k{index}": text for index, text in enumerate(HOSTILE) if "\x00" not in text},
    }
    file = tmp_path / "x.tfvars"
    file.write_text(writer.body(values), encoding="utf-8")
    done = subprocess.run([terraform, "fmt", "-diff", "-check", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    (tmp_path / "main.tf").write_text(
        'variable "short" {}\nvariable "a_longer_name" {}\nvariable "object" {}\nvariable "hostile" {}\n'
    )
    done = subprocess.run(
        [terraform, f"-chdir={tmp_path}", "console", "-var-file=x.tfvars"],
        input="jsonencode(jsonencode(var.hostile))\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(json.loads(json.loads(done.stdout))) == values["hostile"]


def test_alignment_is_that_of_fmt() -> None:
    text = writer.body({"a": 1, "bcd": {"x": 1, "longer": {"y": 2}, "z": 3}, "e": "f"})
    assert text == 'a = 1\nbcd = {\n  x = 1\n  longer = {\n    y = 2\n  }\n  z = 3\n}\ne = "f"\n'


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        writer.quote("\ud800")


@pytest.mark.parametrize("value", [1.5, object(), {"a": [{"b": 1}]}])
def test_values_that_are_never_written_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        writer.body({"x": value})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = \n", "f.tfvars:1: it cannot be parsed"),
        ("a = 1\nb = {\n", "f.tfvars:"),
        ("<<<<<<< HEAD\na = 1\n", "f.tfvars:1: it cannot be parsed"),
        ("a = var.b\n", "f.tfvars: a: only plain values are read here, no expressions"),
        ('a = { b = ["${c}"] }\n', "f.tfvars: a.b.0: only plain values are read here, no templates"),
        ('a = "\\q"\n', "f.tfvars: a: the escape"),
        ('a = "\\ud800"\n', "f.tfvars: a: the escape"),
        ("a {\n  b = 1\n}\n", "f.tfvars: a is a block"),
        ("a = 1\na = 2\n", "f.tfvars:2: a is set a second time"),
    ],
)
def test_what_cannot_be_read_is_one_error_with_file_and_place(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        hcl.parse(text, name="f.tfvars")
    assert caught.value.message.startswith(said)


def test_a_file_that_is_not_utf8_or_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.tfvars"
    with pytest.raises(UsageError, match=r"x\.tfvars: No such file"):
        hcl.read(path)
    path.write_bytes(b'a = "\xff"\n')
    with pytest.raises(UsageError, match="not UTF-8"):
        hcl.read(path)


def test_comments_heredocs_and_trailing_commas_are_read() -> None:
    text = '# c\na = 1 # d\n/* e */\nb = [\n  "x",\n  "y",\n]\nc = <<EOT\nline "q"\nEOT\nd = 1e3\n'
    assert hcl.parse(text, name="x") == {"a": 1, "b": ["x", "y"], "c": 'line "q"', "d": 1000.0}
