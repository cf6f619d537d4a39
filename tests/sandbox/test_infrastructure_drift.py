"""Infrastructure drift: somebody changes something by hand, and `slipway drift` says what, in words.

(test_drift.py is about drift of a model's requests, which is another thing.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.estate import Estate

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/slipway-qa-ranker/variant/main",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.fixture
def widened(estate: Estate) -> Iterator[tuple[int, int]]:
    """Somebody lets qa's endpoint scale further than its file says, by hand. Returns both maxima."""
    scaling: Any = estate.client("qa", "application-autoscaling")
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[TARGET["ResourceId"]])[
        "ScalableTargets"
    ][0]
    most = int(found["MaxCapacity"])
    scaling.register_scalable_target(**TARGET, MaxCapacity=most + 4)
    yield most, most + 4
    scaling.register_scalable_target(**TARGET, MaxCapacity=most)


def test_a_change_by_hand_is_told_by_the_role_that_only_reads(estate: Estate, widened: tuple[int, int]) -> None:
    seen = estate.mark()
    said = estate.slipway("drift", "--env", "qa", "--stack", "serving", "--format", "json")
    assert said.code == 3, said.err
    document = said.document
    assert (document["looked"], document["drifted"], document["failed"]) == (1, 1, 0)
    ranker = document["stacks"][0]
    assert (ranker["env"], ranker["stack"], ranker["endpoint"]) == ("qa", "serving", "ranker")
    of_target = [text for text in ranker["drift"] if "aws_appautoscaling_target" in text]
    before, after = widened
    assert len(of_target) == 1
    assert f"changed outside of Terraform: max_capacity {before} → {after}; an apply takes it back" in of_target[0]
    assert ranker["grade"] != "none"
    # nothing is locked, changed or kept: what terraform and the truth check asked was asked by who only reads
    asked = [line["operation"] for line in estate.requests(seen) if "slipway-qa-plan" in str(line.get("principal"))]
    assert {"GetObject", "DescribeScalableTargets", "DescribeEndpoint"} <= set(asked)
    assert not [name for name in asked if name.startswith(("Put", "Delete", "Create", "Update", "Register"))]
