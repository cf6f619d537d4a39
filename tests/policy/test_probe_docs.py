"""docs/probes.md says what policy/probes/*.toml says; data that cannot be probes is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts import probes

PROBE = 'id = "p"\nwho = "dev/plan"\ncall = "s3:GetObject"\nby = "identity"\non = "arn:aws:s3:::b/k"\nbecause = "no"\n'


def test_the_page_is_fresh() -> None:
    assert probes.PAGE.read_text() == probes.page(probes.load()), "run `python -m scripts.probes`"


def folder(tmp_path: Path, *entries: str) -> Path:
    """A folder with one group of these probes."""
    shutil.copy(probes.FOLDER / probes.COMMON, tmp_path / probes.COMMON)
    text = 'title = "T"\nwhat = "w"\n' + "".join(f"[[probes]]\n{entry}\n" for entry in entries)
    (tmp_path / "group.toml").write_text(text)
    return tmp_path


def test_an_entry_with_several_callers_is_several_probes(tmp_path: Path) -> None:
    several = PROBE.replace('"dev/plan"', '["qa/plan", "qa/promote", "production/plan"]')
    found = probes.load(folder(tmp_path, several))
    assert [probe.who for probe in found.all] == ["qa/plan", "qa/promote", "production/plan"]
    assert {probe.errors for probe in found.all} == {("AccessDenied",)}
    assert "| plan, promote of qa, production | `s3:GetObject` | no | identity |" in probes.page(found)


def test_a_twin_has_the_same_call_but_for_what_it_names(tmp_path: Path) -> None:
    given = 'with = { Bucket = "b", Key = "k", IfMatch = "0" }\n'
    twin = 'twin = { who = "dev/promote", with = { Key = "j", IfMatch = "-" }, error = "NoSuchKey" }'
    (probe,) = probes.load(folder(tmp_path, PROBE + given + twin)).all
    assert probe.twin == probes.Twin("dev/promote", {"Bucket": "b", "Key": "j"}, ("NoSuchKey",))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (PROBE + 'wiht = "x"', "knows no wiht"),
        (PROBE.replace('because = "no"\n', ""), "needs because"),
        (PROBE.replace("identity", "somebody"), "`by` must be one of"),
        (PROBE.replace('on = "arn:aws:s3:::b/k"\n', ""), "`on` the resource"),
        (PROBE.replace('by = "identity"\n', ""), "or the answer `says` why"),
        (PROBE.replace("s3:", "s4:"), "no error is expected"),
        (PROBE + 'through = "pigeon"', "`through` is unknown"),
        (PROBE + 'twin = { whom = "x" }', "twin: knows no whom"),
    ],
)
def test_what_cannot_be_a_probe_is_refused(tmp_path: Path, entry: str, said: str) -> None:
    with pytest.raises(probes.ProbeError, match=said):
        probes.load(folder(tmp_path, entry))


def test_an_id_is_given_once(tmp_path: Path) -> None:
    with pytest.raises(probes.ProbeError, match="more than one probe: p"):
        probes.load(folder(tmp_path, PROBE, PROBE))
