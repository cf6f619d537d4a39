"""The environments as data: which there are, which endpoints they have, and what their files say."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from glue.core import kinds, names
from glue.core.environment import Environment
from glue.core.revision import Revisions
from glue.core.serving import AsyncSettings, Bounds, CaptureSettings, EndpointSettings, VariantSettings
from glue.errors import UsageError
from glue.tf import environment_file, hcl, revisions_file
from glue.tf.fields import Fields

_NAME = re.compile(r"[a-z0-9](-?[a-z0-9])*\Z")
_SUFFIX = ".tfvars"
_REVISIONS = ".revisions.tfvars"
# What scaling keeps near a value, which Terraform checks and the glue does not read.
# Targets of autoscaling, and the kind in the name of the policy that keeps each.
TARGETS = {
    "invocations_per_instance": "invocations",
    "concurrency_per_model": "concurrency",
    "cpu_percent": "cpu",
    "backlog_per_instance": "backlog",
}


@dataclass(frozen=True)
class Estate:
    """The data folder: one folder for each environment."""

    folder: Path

    def environments(self) -> tuple[str, ...]:
        """Return the names of all environments, those that others promote from first."""
        if not self.folder.is_dir():
            raise UsageError(
                f"there is no folder of environments at {self.folder}", remedy="Set SLIPWAY_ENVIRONMENTS, or create it."
            )
        found = sorted(path.parent.name for path in self.folder.glob("*/environment.tfvars"))
        return tuple(chain_order({name: self._promotes_from(name) for name in found}))

    def environment(self, name: str) -> Environment:
        """Return an environment. Raises UsageError when there is none of this name, or its file is not right."""
        path = self.folder / name / "environment.tfvars"
        if not _NAME.match(name) or not path.is_file():
            raise _unknown("environment", name, self.environments(), self.folder)
        return environment_file.load(path, name)

    def endpoints(self, environment: str) -> tuple[str, ...]:
        """Return the short names of an environment's endpoints, sorted."""
        self.environment(environment)
        paths = (self.folder / environment / "endpoints").glob(f"*{_SUFFIX}")
        return tuple(sorted(p.name[: -len(_SUFFIX)] for p in paths if not p.name.endswith(_REVISIONS)))

    def endpoint(self, environment: str, name: str) -> EndpointSettings:
        """Return an endpoint's settings. Raises UsageError when there is none such, or its file is not right."""
        self.check_endpoint(environment, name)
        return _endpoint(self.endpoint_file(environment, name), name)

    def check_endpoint(self, environment: str, name: str) -> None:
        """Raise UsageError, listing the known ones, when the environment has no endpoint of this name."""
        if not _NAME.match(name) or not self.endpoint_file(environment, name).is_file():
            known = self.endpoints(environment)
            raise _unknown("endpoint", name, known, self.folder / environment / "endpoints")

    def revisions(self, environment: str, endpoint: str) -> Revisions:
        """Return an endpoint's revisions, none before the first promotion. Raises RevisionsFileError."""
        return revisions_file.load(self.revisions_file(environment, endpoint))

    def endpoint_file(self, environment: str, endpoint: str) -> Path:
        """Return the path of the file that a human owns."""
        return self.folder / environment / "endpoints" / f"{endpoint}{_SUFFIX}"

    def revisions_file(self, environment: str, endpoint: str) -> Path:
        """Return the path of the file that the glue owns; it may not exist."""
        return self.folder / environment / "endpoints" / f"{endpoint}{_REVISIONS}"

    def _promotes_from(self, name: str) -> str | None:
        source = self.environment(name).promotes_from
        return source.name if source else None


def _unknown(kind: str, name: str, known: Iterable[str], folder: Path) -> UsageError:
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    listed = f"Known: {', '.join(known)}." if known else "There is none yet."
    return UsageError(f"there is no {kind} {name!r} in {folder}", remedy=f"{hint}{listed}")


def chain_order(sources: Mapping[str, str | None]) -> list[str]:
    """Return names so that each comes after the one it promotes from; a loop ends as it began, by name."""
    ordered: list[str] = []
    while len(ordered) < len(sources):
        ready = [n for n, s in sources.items() if n not in ordered and (s not in sources or s in ordered)]
        ordered.extend(ready or [n for n in sources if n not in ordered])
    return ordered


def _endpoint(path: Path, name: str) -> EndpointSettings:
    top = Fields(hcl.read(path), file=str(path))
    serving = top.object("serving")
    found = EndpointSettings(
        endpoint=top.string("endpoint"),
        variants={key: _variant(entry) for key, entry in serving.objects("variants")},
        shadow_variants={key: _variant(entry) for key, entry in serving.objects("shadow_variants")},
        asynchronous=_asynchronous(serving.optional_object("asynchronous")),
        data_capture=_capture(serving.optional_object("data_capture")),
        network=revisions_file.network(serving.optional_object("network")),
        volume_key_arn=serving.optional_string("volume_key_arn"),
        autoscaling={key: _bounds(entry) for key, entry in top.objects("autoscaling")},
    )
    serving.done()
    top.boolean("dashboard", default=True)
    for key in ("deployment_overrides", "alarms", "invoker", "callers"):
        top.value_map(key)
    top.optional_string("deployment")
    top.optional_string("function_package")
    top.value_map("monitor")
    top.optional_string("monitor_package")
    top.done()
    _check_endpoint(top, found, name)
    return found


def _check_endpoint(top: Fields, found: EndpointSettings, name: str) -> None:
    if found.endpoint != name:
        raise top.error("endpoint", f"it is {found.endpoint!r}, and the file is named {name!r}")
    if not found.variants:
        raise top.error("serving.variants", "there is none; an endpoint has 1 to 10")
    for key in found.autoscaling:
        if key not in found.variants:
            raise top.error(f"autoscaling.{key}", f"there is no such variant; known are {', '.join(found.variants)}")
    for key, message in kinds.problems(found):
        raise top.error(key, message)


def _variant(entry: Fields) -> VariantSettings:
    found = VariantSettings(
        model=entry.string("model"),
        environment=entry.variables("environment"),
        weight=entry.integer("weight", default=1),
        instance_type=entry.optional_string("instance_type"),
        instance_count=entry.optional_integer("instance_count"),
        serverless=revisions_file.serverless(entry.optional_object("serverless")),
        container_startup_health_check_timeout_in_seconds=entry.optional_integer(
            "container_startup_health_check_timeout_in_seconds"
        ),
        model_data_download_timeout_in_seconds=entry.optional_integer("model_data_download_timeout_in_seconds"),
    )
    entry.done()
    if not names.MODEL_NAME.match(found.model):
        raise entry.error("model", f"{found.model!r} is not a model's name")
    instances = found.instance_type is not None and found.instance_count is not None
    if instances == (found.serverless is not None):
        raise entry.error("serverless", "give either serverless, or both instance_type and instance_count")
    return found


def _asynchronous(entry: Fields | None) -> AsyncSettings | None:
    if entry is None:
        return None
    found = AsyncSettings(
        max_concurrent_invocations_per_instance=entry.optional_integer("max_concurrent_invocations_per_instance"),
        success_topic_arn=entry.optional_string("success_topic_arn"),
        error_topic_arn=entry.optional_string("error_topic_arn"),
    )
    entry.done()
    return found


def _capture(entry: Fields | None) -> CaptureSettings | None:
    if entry is None:
        return None
    found = CaptureSettings(
        sampling_percentage=entry.integer("sampling_percentage"),
        modes=entry.strings("modes"),
        json_content_types=entry.strings("json_content_types"),
        csv_content_types=entry.strings("csv_content_types"),
    )
    entry.done()
    return found


def _bounds(entry: Fields) -> Bounds:
    """Return what autoscaling may ever do: a schedule may move its own bounds beyond the variant's."""
    lows, highs = [entry.integer("min")], [entry.integer("max")]
    schedules = {}
    for name, schedule in entry.objects("schedules"):
        low, high = schedule.optional_integer("min"), schedule.optional_integer("max")
        lows.append(lows[0] if low is None else low)
        highs.append(highs[0] if high is None else high)
        zone = schedule.optional_string("time_zone") or "UTC"
        schedules[name] = (schedule.optional_string("schedule") or "", zone, low, high)
        schedule.done()
    policies = {kind: found for key, kind in TARGETS.items() if (found := entry.optional_number(key)) is not None}
    entry.ignore("scale_in_cooldown_s", "scale_out_cooldown_s")
    entry.done()
    for low, high in zip(lows, highs, strict=True):
        if not 0 <= low <= high or not high:
            raise entry.error("max", f"min {low} and max {high} leave no room; give 1 <= min <= max")
    # processors are counted by Terraform, and at zero a policy of its own starts the first instance
    worked_out = dict.fromkeys(["cpu"] if "cpu" in policies else []) | dict.fromkeys(
        ["from-zero"] if lows[0] == 0 else []
    )
    return Bounds(minimum=min(lows), maximum=max(highs), policies={**policies, **worked_out}, schedules=schedules)
