"""What the data files say of an endpoint, in the shapes that the review compares: no plan, no state, no AWS.

What a word or a number means is decided by modules/model-endpoint; a test holds the presets here equal to those there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glue.errors import UsageError
from glue.review.endpoints_scaling import Bounds
from glue.review.endpoints_shape import Container, Model, Served, Variant, bare
from glue.review.endpoints_traffic import Deployment
from glue.review.values import conceal

# modules/model-endpoint/deployment.tf: strategy, percent, seconds between steps, until the old fleet goes, at most
PRESETS = {
    "instant": ("all_at_once", 100, 0, 120, 1800),
    "quick": ("canary", 50, 120, 120, 1800),
    "standard": ("canary", 10, 300, 300, 2700),
    "cautious": ("canary", 5, 900, 600, 3300),
    "gradual": ("linear", 20, 240, 300, 3300),
    "rolling": ("rolling", 25, 180, 0, 3300),
}
# modules/model-endpoint/variables_alarms.tf
ROLLS_BACK = ("errors_5xx", "model_latency_p99", "overhead_latency_p99")
_TARGETS = ("invocations_per_instance", "concurrency_per_model", "cpu_percent", "backlog_per_instance")


def mapping(values: Mapping[str, Any], key: str, *, where: str) -> Mapping[str, Any]:
    """Return an object of a data file, empty when it is null or absent. Raises UsageError for anything else."""
    found = values.get(key)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise UsageError(f"{where}: {key} is no object", remedy="Correct the file, and review again.")
    return found


def objects(values: Mapping[str, Any], key: str, *, where: str) -> dict[str, Mapping[str, Any]]:
    """Return a map of objects. Raises UsageError when one of them is something else."""
    inside = mapping(values, key, where=where)
    return {name: mapping(inside, name, where=f"{where}: {key}") for name in inside}


def texts(value: object, *, where: str) -> tuple[str, ...]:
    """Return a set of strings, sorted. Raises UsageError for anything else."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{where} is no list of strings", remedy="Correct the file, and review again.")
    return tuple(sorted(set(value)))


def served(revision_id: str, revision: Mapping[str, Any], *, where: str) -> Served:
    """Return what a revision makes its endpoint serve."""
    network = mapping(revision, "network", where=where)
    groups = [
        {
            name: _variant(name, entry, network, where=f"{where}: {group}.{name}")
            for name, entry in objects(revision, group, where=where).items()
        }
        for group in ("variants", "shadow_variants")
    ]
    capture = revision.get("data_capture")
    return Served(
        name=revision_id,
        variants=groups[0],
        shadows=groups[1],
        capture=_capture(mapping(revision, "data_capture", where=where)) if capture is not None else None,
        asynchronous=_asynchronous(mapping(revision, "asynchronous", where=where)),
        key=revision.get("volume_key_arn"),
        address=revision_id,
    )


def _variant(name: str, entry: Mapping[str, Any], network: Mapping[str, Any], *, where: str) -> Variant:
    container = Container(
        image=entry.get("image"),
        artifact=entry.get("model_data_url"),
        environment=conceal(dict(mapping(entry, "environment", where=where)), name="environment"),
    )
    release = entry.get("release")
    model = Model(
        name=name,
        containers=(container,),
        role=entry.get("execution_role_arn"),
        isolation=network.get("isolation") or False,
        network=bare({key: network.get(key) for key in ("subnet_ids", "security_group_ids")}),
        release=release if isinstance(release, str) else None,
    )
    weight = entry.get("weight")
    timeouts = ("container_startup_health_check_timeout_in_seconds", "model_data_download_timeout_in_seconds")
    return Variant(
        name=name,
        model_name=release,
        model=model,
        weight=1 if weight is None else weight,
        instance_type=entry.get("instance_type"),
        count=entry.get("initial_instance_count"),
        serverless=bare(dict(mapping(entry, "serverless", where=where))),
        rest={key: entry[key] for key in timeouts if entry.get(key) is not None},
    )


def _capture(capture: Mapping[str, Any]) -> dict[str, Any]:
    modes = capture.get("modes")
    return {
        "initial_sampling_percentage": capture.get("sampling_percentage"),
        "destination_s3_uri": capture.get("destination_s3_uri"),
        "kms_key_id": capture.get("key_arn"),
        "capture_options": [{"capture_mode": mode} for mode in (modes if isinstance(modes, list) else [])],
        "content_types": bare({key: capture.get(key) for key in ("json_content_types", "csv_content_types")}),
    }


def _asynchronous(values: Mapping[str, Any]) -> Any:
    if not values:
        return None
    rest = {key: value for key, value in values.items() if key != "key_arn"}
    return bare({**rest, "output_config": [{"kms_key_id": values.get("key_arn")}]})


def deployment(settings: Mapping[str, Any], *, where: str) -> Deployment:
    """Return how an endpoint's file says that traffic moves, and which alarms roll back."""
    word = settings.get("deployment")
    preset = PRESETS.get(str(word or "standard"))
    alarms = _rolling_back(mapping(settings, "alarms", where=where), where=where)
    if preset is None:
        return Deployment(unknown=True, configured=True, alarms=alarms)
    overrides = mapping(settings, "deployment_overrides", where=where)
    chosen = overrides.get("strategy")
    strategy = chosen if isinstance(chosen, str) and chosen else preset[0]
    usual = _usual(strategy, preset)
    keys = ("percent", "wait_s", "termination_wait_s", "max_s")
    percent, wait_s, termination_s, max_s = (
        _number(overrides.get(key), default) for key, default in zip(keys, usual, strict=True)
    )
    return Deployment(
        kind=strategy,
        size=percent if strategy != "all_at_once" else None,
        wait_s=wait_s,
        termination_s=termination_s,
        max_s=max_s,
        alarms=alarms,
        configured=True,
    )


def _usual(strategy: str, preset: tuple[str, float, float, float, float]) -> tuple[float, float, float, float]:
    """Return the numbers of a preset, where another strategy does not lack them."""
    _, percent, wait_s, termination_s, max_s = preset
    if strategy == "all_at_once":
        return 100, 0, termination_s, max_s
    return percent, wait_s, 0 if strategy == "rolling" else termination_s, max_s


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float(default)


def _rolling_back(alarms: Mapping[str, Any], *, where: str) -> tuple[str, ...]:
    """Return which kinds of alarms, and which others, roll a deployment back; disabled ones do not."""
    named = alarms.get("rolls_back")
    kinds: Sequence[str] = ROLLS_BACK if named is None else texts(named, where=f"{where}: alarms.rolls_back")
    others = texts(alarms.get("additional_names"), where=f"{where}: alarms.additional_names")
    on = [kind for kind in kinds if mapping(alarms, kind, where=f"{where}: alarms").get("enabled") is not False]
    return (*sorted(on), *others)


def scaling(settings: Mapping[str, Any], *, where: str) -> dict[str, Bounds]:
    """Return how an endpoint's file says that each variant is scaled."""
    found = {}
    for name, entry in objects(settings, "autoscaling", where=where).items():
        policies = {key: f"{key} {entry[key]}" for key in _TARGETS if entry.get(key) is not None}
        for key, schedule in objects(entry, "schedules", where=f"{where}: autoscaling.{name}").items():
            moves = " to ".join(str(schedule.get(bound)) for bound in ("min", "max"))
            policies[f"schedule {key}"] = f"schedule {key} ({schedule.get('schedule')}: {moves})"
        found[name] = Bounds(entry.get("min"), entry.get("max"), policies, address=where)
    return found
