"""What the demo's witness claims, and what it does not."""

import json
from pathlib import Path

from sandbox.demo.witness import Witness


class Noted:
    """A report that keeps its checks."""

    def __init__(self) -> None:
        self.held: dict[str, bool] = {}

    def check(self, name: str, held: bool, detail: str = "") -> None:
        self.held[name] = held


def said_by(home: Path, enforcement: str, *, denied: bool) -> dict[str, bool]:
    (home / "denials.jsonl").write_text(json.dumps({"action": "s3:Before"}) + "\n")
    witness = Witness(home, enforcement=enforcement)
    if denied:
        with (home / "denials.jsonl").open("a") as log:
            log.write(json.dumps({"action": "s3:GetObject", "resource": "arn:aws:s3:::b/k"}) + "\n")
    report = Noted()
    witness.testify(report)  # type: ignore[arg-type]
    return report.held


def test_a_denial_since_is_told_and_earlier_ones_are_not(tmp_path: Path) -> None:
    assert said_by(tmp_path, "enforce", denied=True)["nothing was denied"] is False
    assert said_by(tmp_path, "observe", denied=True)["nothing was denied"] is False
    assert said_by(tmp_path, "enforce", denied=False)["nothing was denied"] is True


def test_where_nobody_is_asked_nothing_is_claimed(tmp_path: Path) -> None:
    assert "nothing was denied" not in said_by(tmp_path, "off", denied=False)
