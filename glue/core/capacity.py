"""Where a plan leaves an endpoint with fewer instances than it has, and which alarms would undo it: from its JSON.

Every update starts with the counts of the new config
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html), and a lower maximum of autoscaling
scales in as soon as it is registered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glue.core.plan import PlanSummary
from glue.core.revision import Revisions

# What decides how many instances there are.
KINDS = ("aws_appautoscaling_target", "aws_sagemaker_endpoint")
_DEPLOYS = ("update", "replace", "create")


def scales_in(summary: PlanSummary, wanted: Revisions, live: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return the variants that a plan leaves with fewer instances: how many now, and how many then.

    `live` holds the instances that the endpoint has, by variant; `wanted` the revisions that the plan was made of.
    """
    found: dict[str, tuple[int, int]] = {}
    revision = wanted.live_revision
    if revision is not None and _of_kind(summary, "aws_sagemaker_endpoint"):
        for name, variant in revision.all_variants.items():
            _note(found, name, live.get(name, 0), variant.initial_instance_count)
    for change in _of_kind(summary, "aws_appautoscaling_target"):
        name = str(change.get("resource_id", "")).rpartition("/variant/")[2]
        _note(found, name, live.get(name, 0), change.get("max_capacity"))
    return found


def _note(found: dict[str, tuple[int, int]], variant: str, now: int, then: object) -> None:
    if isinstance(then, int) and then < min(now, found.get(variant, (0, now))[1]):
        found[variant] = (now, then)


def deploys(summary: PlanSummary) -> bool:
    """Tell whether a plan begins a deployment on a live endpoint."""
    return bool(_of_kind(summary, "aws_sagemaker_endpoint", kinds=("update",)))


def guards_in(summary: PlanSummary) -> tuple[str, ...]:
    """Return the rollback alarms of the deployment that a plan begins; none when it begins none on a live endpoint."""
    names: set[str] = set()
    for values in _of_kind(summary, "aws_sagemaker_endpoint", kinds=("update",)):
        for config in _blocks(values, "deployment_config"):
            for rollback in _blocks(config, "auto_rollback_configuration"):
                names |= {str(alarm["alarm_name"]) for alarm in _blocks(rollback, "alarms") if alarm.get("alarm_name")}
    return tuple(sorted(names))


def _of_kind(summary: PlanSummary, kind: str, *, kinds: Sequence[str] = _DEPLOYS) -> list[Mapping[str, Any]]:
    return [change.values for change in summary.changes if change.kind == kind and change.what in kinds]


def _blocks(values: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    yield from (block for block in values.get(name) or () if isinstance(block, Mapping))
