"""States from data points: AWS's own examples.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from sandbox.cloudwatch.judge import judge

MODES = ("missing", "ignore", "breaching", "notBreaching")
I, A, O = "INSUFFICIENT_DATA", "ALARM", "OK"  # noqa: E741
# data points (the newest on the right), M, and the state for each mode; "=": stays what it is. N is 3.
TABLE = [
    ("0-X-X", 3, (O, O, O, O)),
    ("0----", 3, (O, O, O, O)),
    ("-----", 3, (I, "=", A, O)),
    ("0XX-X", 3, (A, A, A, A)),
    ("--X--", 3, (A, "=", A, O)),
    ("0-X-X", 2, (A, A, A, A)),
    ("00X0X", 2, (A, A, A, A)),
    ("0-X--", 2, (O, O, A, O)),
    ("----0", 2, (O, O, A, O)),
    ("---X-", 2, (A, "=", A, O)),
]


def points(text: str) -> list[bool | None]:
    return [{"X": True, "0": False, "-": None}[one] for one in reversed(text)]


@pytest.mark.parametrize(
    ("text", "breaching", "mode", "state"),
    [(t, m, mode, states[n]) for t, m, states in TABLE for n, mode in enumerate(MODES)],
)
def test_the_tables_of_the_documentation(text: str, breaching: int, mode: Any, state: str) -> None:
    found = judge(points(text), wanted=3, breaching=breaching, missing=mode).state
    assert (found or "=") == state


@pytest.mark.parametrize("text", ["----X", "---X-"])
def test_no_premature_alarm(text: str) -> None:
    """The next data point may still be a good one."""
    assert judge(points(text), wanted=3, breaching=3, missing="missing").state != A


def test_every_combination_obeys_the_rules() -> None:
    for size, text in ((n, "".join(t)) for n in (1, 2, 3) for t in itertools.product("X0-", repeat=n + 2)):
        for breaching in range(1, size + 1):
            seen = {mode: judge(points(text), wanted=size, breaching=breaching, missing=mode).state for mode in MODES}  # type: ignore[arg-type]
            real = text.replace("-", "")
            if len(real) >= size:  # missing data do not matter
                assert len(set(seen.values())) == 1
                assert seen["missing"] == (A if real[-size:].count("X") >= breaching else O)
            elif not real:
                assert tuple(seen.values()) == (I, None, A, O)
            if seen["notBreaching"] == A:  # the kindest reading is an alarm: so are all others
                assert set(seen.values()) == {A}
            if "X" not in real and real:
                assert seen["missing"] == seen["ignore"] == seen["notBreaching"] == O
