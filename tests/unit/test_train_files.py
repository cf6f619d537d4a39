"""Job files: what is read, what is refused with its line, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.core import overrides
from glue.errors import UsageError
from glue.training_files import LARGEST_FILE, entries, files
from glue.training_yaml import documents, scalar


def test_only_jsons_values_are_read_unquoted() -> None:
    text = 'a: no\nb: 2026-11-21\nc: 010\nd: 5\ne: -1.5e2\nf: "5"\ng: ~\nh: true\ni: 0x1f\nj: |\n  two\nk: 1_000\n'
    ((line, value),) = [(found.line, found.value) for found in documents(text)]
    assert line == 1
    assert value == {
        "a": "no",
        "b": "2026-11-21",
        "c": "010",
        "d": 5,
        "e": -150.0,
        "f": "5",
        "g": None,
        "h": True,
        "i": "0x1f",
        "j": "two\n",
        "k": "1_000",
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: &x 1\nb: *x", "line 1: anchors and aliases"),
        ("a: 1\nb: *x", "line 2: anchors and aliases"),
        ("a: !!python/object/apply:os.system [x]", "line 1: tags are not taken"),
        ("a: !!str 5", "line 1: tags are not taken"),
        ("a: 1\nc:\n  a: 1\n  a: 2", "line 4: the key 'a' is there twice"),
        ("? [a]\n: b", "line 1: a key is a text"),
        ("a: 1e999", "line 1: the number 1e999 is not finite"),
        (f"a: {'9' * 50}", "is too long"),
        ("a: [", "it is not YAML"),
        ("a: \x07", "it is not YAML"),
        ("[" * 40 + "]" * 40, "nested deeper than 32"),
        ("a: 1\n---\nb: 1\nb: 2", "line 4: the key 'b' is there twice"),
    ],
)
def test_what_is_no_job_file_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        list(documents(text))
    assert why in str(caught.value)


def test_a_bomb_of_aliases_costs_nothing() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 20))
    with pytest.raises(ValueError, match="anchors and aliases"):
        list(documents(f"l0: &l0 [x]\n{levels}"))


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = list(documents(text))
    except ValueError:
        return
    assert all(document.value is not None for document in found)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_json_reads_them(number: float) -> None:
    text = repr(number)
    if len(text) < 40 and "inf" not in text:
        assert scalar(text.replace("e+", "e")) == number


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_folders_are_read_in_order_and_nothing_hides_anything(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml", "id: b1\n---\n---\nid: b2\n")
    write(tmp_path, "a.json", '[{"id": "a1"}, {"id": "a2"}, 5]')
    write(tmp_path, "c.yml", b"\xff\xfe")
    write(tmp_path, "d.json", '{"id": "d", "id": "e"}')
    write(tmp_path, "e.json", '{"id": NaN}')
    write(tmp_path, "f.yaml", "# nothing\n")
    write(tmp_path, "in/z.yaml", "\ufeffid: z")
    write(tmp_path, ".hidden/x.yaml", "id: x")
    write(tmp_path, "notes.txt", "no job")
    write(tmp_path, "g.json", "[" * 200 + "]" * 200)
    (tmp_path / "loop").symlink_to(tmp_path)
    found = [(Path(one.where).name, (one.document or {}).get("id"), one.error) for one in entries([tmp_path])]
    assert [(name, job) for name, job, _ in found if job] == [
        ("a.json", "a1"),
        ("a.json:2", "a2"),
        ("b.yaml", "b1"),
        ("b.yaml:4", "b2"),
        ("z.yaml", "z"),
    ]
    assert {name: why for name, job, why in found if not job} == {
        "a.json:3": "a job is a map of fields",
        "c.yml": "it is not UTF-8",
        "d.json": "the key 'id' is there twice",
        "e.json": "a number is not finite",
        "f.yaml": "it holds no job",
        "g.json": "it is nested deeper than 32",
    }


def test_a_mistake_hides_nothing_before_it(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", "id: a\n---\nid: [\n")
    first, second = entries([path])
    assert first.document == {"id": "a"}
    assert second.error is not None
    assert "it is not YAML" in second.error


def test_a_name_that_is_no_text_can_be_printed(tmp_path: Path) -> None:
    path = Path(os.fsdecode(bytes(tmp_path) + b"/\xff\x1b.yaml"))
    path.write_text("id: a")
    (found,) = entries([tmp_path])
    found.where.encode()
    assert "\x1b" not in found.where


def test_files_that_are_none(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as opened:
        opened.truncate(LARGEST_FILE + 1)
    (found,) = entries([large])
    assert found.error == "it is larger than 16 MiB: split it"
    os.mkfifo(tmp_path / "pipe.yaml")
    assert list(files(tmp_path)) == [large]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty holds no job file"):
        entries([large, tmp_path / "empty"])


# --set


def changed(document: dict[str, object], *texts: str) -> dict[str, object]:
    return overrides.apply(document, [overrides.parse(text) for text in texts], scalar=scalar)


def test_set_changes_single_values_and_leaves_the_document_alone() -> None:
    document: dict[str, object] = {"id": "a", "arguments": {"H": {"seed": "7"}, "types": ["x", "y"]}, "priority": 5}
    found = changed(
        document,
        "arguments.H.seed=8",
        "priority=9",
        "arguments.types.1=z",
        'arguments.H.rate="0.1"',
        "spot={}",
        r"arguments.H.a\.b=1",
        "retry.algorithm=2",
        "note=a=b",
    )
    assert found == {
        "id": "a",
        "arguments": {"H": {"seed": "8", "rate": "0.1", "a.b": 1}, "types": ["x", "z"]},
        "priority": 9,
        "spot": {},
        "retry": {"algorithm": 2},
        "note": "a=b",
    }
    assert document["priority"] == 5


@pytest.mark.parametrize("text", ["", "a", "=1", ".a=1", "a..b=1", "a.=1"])
def test_set_needs_a_path_and_a_value(text: str) -> None:
    with pytest.raises(ValueError, match="is not path=value"):
        overrides.parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("id.x=1", "id is a single value"),
        ("list.2=1", "the list has 2 items"),
        ("list.x=1", "the list has 2 items"),
        ("list.²=1", "the list has 2 items"),
        ("new={x", "is not JSON"),
    ],
)
def test_set_leads_nowhere(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        changed({"id": "a", "list": [1, 2]}, text)
