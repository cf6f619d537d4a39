"""The truth check: is what AWS says is live what is wanted? It compares the config's name, and all that is in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from glue.core.render import flat
from glue.core.revision import Network, Revision, Variant, content_of
from glue.core.serving import EndpointSettings
from glue.core.surroundings import Surroundings
from glue.core.truth_checks import Check, Wanted, checks

if TYPE_CHECKING:
    from glue.core.described import DataCapture, Endpoint, EndpointConfig, Model, VariantConfig

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
UNDER_WAY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
IN_SERVICE = "InService"
_RELEASE = re.compile(r"^s3://[^/]+/releases/[^/]+/([^/]+)/model\.tar\.gz$")


@dataclass(frozen=True)
class Live:
    """What AWS says of an endpoint: itself, its config, and the config's models by name. None: it does not exist."""

    endpoint: Endpoint | None = None
    config: EndpointConfig | None = None
    models: Mapping[str, Model] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """The instances that each variant should have by now, by variant."""
        if self.endpoint is None:
            return {}
        states = {**self.endpoint.variants, **self.endpoint.shadow_variants}
        found = {name: state.desired_instances or state.current_instances for name, state in states.items()}
        return {name: count for name, count in found.items() if count}

    def release_of(self, variant: str) -> str | None:
        """Return the release that a variant serves, from where its archive lies; None when that says nothing."""
        config = self.config
        if config is None:
            return None
        entry = {**config.variants, **config.shadow_variants}.get(variant)
        model = self.models.get(entry.model) if entry else None
        match = _RELEASE.match(model.model_data_url) if model else None
        return match[1] if match else None


@dataclass(frozen=True)
class Truth:
    """The verdict on one endpoint. `state` is true, pending (AWS is still at work) or false; `reasons` say why.

    `checks` are the rows of what was looked at.
    """

    endpoint: str
    state: str
    wanted: str | None
    live_revision: str | None
    live_config: str | None
    status: str | None
    reasons: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when it is true, 3 while it is pending, 1 otherwise."""
        return {"true": 0, "pending": 3}.get(self.state, 1)


def revision_in(config_name: str, endpoint: str) -> str | None:
    """Return the revision id in a config's name (`<endpoint>-<revision>-<hash8>`), None when it is not ours."""
    match = re.fullmatch(rf"{re.escape(endpoint)}-(r[1-9]\d{{0,5}}-[0-9a-f]{{8}})-[0-9a-f]{{8}}", config_name)
    return match[1] if match else None


def check(
    *,
    endpoint: str,
    wanted: str | None,
    revision: Revision | None,
    live: Live,
    settings: EndpointSettings | None = None,
    around: Surroundings | None = None,
    alarms: bool = True,
) -> Truth:
    """Return the verdict. `endpoint` is the full name; `wanted` and `revision` are None before the first promotion.

    `settings` and `around` None: how it is scaled and which alarms guard it is not looked at. `alarms` False: an alarm
    that rings is no failure, because it may ring for what was live before.
    """
    state = live.endpoint
    found = Truth(
        endpoint=endpoint,
        state="false",
        wanted=wanted,
        live_revision=revision_in(state.config, endpoint) if state else None,
        live_config=state.config if state else None,
        status=state.status if state else None,
    )
    if wanted is None or revision is None:
        return _verdict(found, [] if state is None else ["it exists, and no revision is wanted"])
    if state is None:
        return _verdict(found, ["it does not exist; apply it first"])
    served = state.config.startswith(f"{endpoint}-{wanted}-")
    rows = [
        Check("status", IN_SERVICE, state.status, exact=True),
        Check("config", f"{endpoint}-{wanted}-…", state.config, None if served else "another config is live"),
    ]
    if served:
        rows += checks(Wanted(endpoint, revision, settings, around, ringing_is_wrong=alarms), live)
    found = replace(found, checks=tuple(rows))
    failure = [f"SageMaker says: {state.failure}"] if state.failure else []
    if state.status in UNDER_WAY:
        going = f" to {state.pending_config}" if state.pending_config else ""
        return replace(found, state="pending", reasons=(f"{state.status}{going}", *failure))
    reasons = failure if state.status != IN_SERVICE else []
    if state.status != IN_SERVICE:
        reasons = [f"its status is {state.status}", *reasons]
    if not served:
        serving = found.live_revision or "none of ours"
        reasons += [f"wanted is {wanted}, and live is {serving} (config {state.config})", *failure]
    else:
        reasons += _content_reasons(revision, live)
        reasons += [row.wrong for row in rows if row.wrong is not None]
    return _verdict(found, list(dict.fromkeys(reasons)))


def _verdict(found: Truth, reasons: list[str]) -> Truth:
    return replace(found, state="false" if reasons else "true", reasons=tuple(reasons))


def _content_reasons(revision: Revision, live: Live) -> list[str]:
    """Return what in the live config and its models is not as in the revision."""
    if live.config is None:
        return ["its config is gone: AWS cannot patch or scale it any more"]
    wanted = flat(_comparable(revision))
    actual = flat(_live_content(live, revision))
    different = [key for key in sorted({*wanted, *actual}) if wanted.get(key) != actual.get(key)]
    lines = [f"{key} is {actual.get(key, 'absent')}, not {wanted.get(key, 'absent')}" for key in different]
    return [*lines, *_image_reasons(revision, live)]


def _comparable(revision: Revision) -> dict[str, object]:
    """Return a revision's content as AWS can know it: a network on each variant, and no empty one."""
    network = _network_values(revision.network)
    document = content_of(revision)
    document.pop("network", None)
    for key in ("variants", "shadow_variants"):
        group = document.get(key)
        for variant in group.values() if isinstance(group, dict) else ():
            variant["network"] = network
    return document


def _network_values(network: Network | None) -> dict[str, object]:
    network = network or Network()
    return {
        "isolation": network.isolation,
        "security_group_ids": sorted(network.security_group_ids),
        "subnet_ids": sorted(network.subnet_ids),
    }


def _live_content(live: Live, revision: Revision) -> dict[str, object]:
    config = live.config
    if config is None:
        return {}
    document: dict[str, object] = {
        "variants": {n: _live_variant(v, live, revision.variants.get(n)) for n, v in config.variants.items()},
        "shadow_variants": {
            n: _live_variant(v, live, revision.shadow_variants.get(n)) for n, v in config.shadow_variants.items()
        },
    }
    if config.data_capture is not None and config.data_capture.enabled:
        document["data_capture"] = _live_capture(config.data_capture)
    if config.asynchronous is not None:
        document["asynchronous"] = {k: v for k, v in config.asynchronous.__dict__.items() if v is not None}
    if config.kms_key_id:
        document["volume_key_arn"] = config.kms_key_id
    return document


def _live_variant(entry: VariantConfig, live: Live, wanted: Variant | None) -> dict[str, object]:
    found: dict[str, object] = {"weight": int(entry.weight) if float(entry.weight).is_integer() else entry.weight}
    for name in ("instance_type", "initial_instance_count", "serverless"):
        value = getattr(entry, name)
        if value is not None:
            found[name] = {k: v for k, v in value.__dict__.items() if v is not None} if name == "serverless" else value
    # AWS fills these in when they were not given
    for name in ("container_startup_health_check_timeout_in_seconds", "model_data_download_timeout_in_seconds"):
        if wanted is not None and getattr(wanted, name) is not None:
            found[name] = getattr(entry, name)
    model = live.models.get(entry.model)
    if model is None:
        return {**found, "model": f"gone ({entry.model})"}
    network = Network(
        model.network.subnet_ids if model.network else (),
        model.network.security_group_ids if model.network else (),
        model.isolation,
    )
    return {
        **found,
        "release": live.release_of(entry.name),
        "image": model.image,
        "model_data_url": model.model_data_url,
        "environment": dict(model.environment),
        "execution_role_arn": model.execution_role_arn,
        "network": _network_values(network),
    }


def _live_capture(capture: DataCapture) -> dict[str, object]:
    return {
        "sampling_percentage": capture.sampling_percentage,
        "destination_s3_uri": capture.destination_s3_uri,
        "modes": sorted(capture.modes),
        "json_content_types": sorted(capture.json_content_types),
        "csv_content_types": sorted(capture.csv_content_types),
        **({"key_arn": capture.kms_key_id} if capture.kms_key_id else {}),
    }


def _image_reasons(revision: Revision, live: Live) -> list[str]:
    """Return where the instances run another image than the model names: what a registry really handed out."""
    if live.endpoint is None:
        return []
    states = {**live.endpoint.variants, **live.endpoint.shadow_variants}
    running = [(name, image) for name, state in states.items() for image in state.images if "@" in image]
    return [
        f"variant {name} runs image {image}, not {wanted.image}"
        for name, image in running
        if (wanted := revision.all_variants.get(name)) and _digest(image) != _digest(wanted.image)
    ]


def _digest(image: str) -> str:
    return image.rpartition("@")[2]
