"""Renders the next revision of an endpoint: releases, serving settings and the target's foundation, frozen together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from glue.core import names
from glue.core.foundation import Foundation
from glue.core.release import SOURCE_ARCHIVE, Release
from glue.core.revision import Asynchronous, DataCapture, Revision, Revisions, Variant, content_of
from glue.core.serving import EndpointSettings, VariantSettings
from glue.errors import RefusedError, UsageError

# Where SageMaker's framework containers look for the code
# (https://sagemaker.readthedocs.io/en/stable/overview.html#sagemaker-environment-variables).
SUBMIT_DIRECTORY = "SAGEMAKER_SUBMIT_DIRECTORY"


@dataclass(frozen=True)
class Rendered:
    """What rendering came to. `action` is new, moved (an equal revision was retained) or same (it is live already)."""

    action: str
    revisions: Revisions
    before: str | None

    @property
    def live(self) -> str:
        """The revision that is to be live."""
        if self.revisions.live is None:
            raise ValueError("nothing was rendered")
        return self.revisions.live

    @property
    def changed(self) -> bool:
        """Whether the revisions file changes."""
        return self.action != "same"


def content(
    *,
    settings: EndpointSettings,
    releases: Mapping[str, Release],
    foundation: Foundation,
    counts: Mapping[str, int],
    weights: Mapping[str, int] | None = None,
) -> Revision:
    """Return the content of the next revision.

    By variant, shadows among them: `releases`, `counts` the wanted instance counts (see `counts`), and `weights` (None:
    those of the settings). Raises RefusedError when a variant has no release yet.
    """
    asked = {**settings.variants, **settings.shadow_variants}
    _check_complete(asked, releases, endpoint=settings.endpoint, environment=foundation.environment)
    made = {
        name: replace(_variant(entry, releases[name], foundation), weight=(weights or {}).get(name, entry.weight))
        for name, entry in asked.items()
    }
    return Revision(
        variants={name: made[name] for name in settings.variants},
        shadow_variants={name: made[name] for name in settings.shadow_variants},
        asynchronous=_asynchronous(settings, foundation),
        data_capture=_capture(settings, foundation),
        network=settings.network,
        volume_key_arn=settings.volume_key_arn,
    ).with_counts(counts)


def add(
    revisions: Revisions, wanted: Revision, *, settings: EndpointSettings, created: str, retry: bool = False
) -> Rendered:
    """Return the revisions with the wanted content live: as it is, moved to an equal retained one, or with a new one.

    Instance counts that only autoscaling changed make no new revision. Raises RefusedError when this content failed
    before, with whatever instance counts, unless `retry`.
    """
    before, revisions = revisions, revisions.admit(wanted, retry=retry)
    live = revisions.live_revision
    if live is not None and _same(live, wanted, settings):
        return Rendered("same" if revisions == before else "moved", revisions, before.live)
    retained = revisions.find(wanted)
    if retained is not None:
        return Rendered("moved", revisions.move(retained), before.live)
    return Rendered("new", revisions.add(wanted, created=created), before.live)


def counts(settings: EndpointSettings, *, live: Mapping[str, int], frozen: Revision | None) -> dict[str, int]:
    """Return how many instances each variant should begin with, so that a deployment never scales in.

    `live` holds the instances that the endpoint wants now, `frozen` the live revision. An autoscaled variant keeps what
    it has, within its bounds. Another one gets what its settings say, unless somebody scaled it out by hand since.
    """
    found: dict[str, int] = {}
    for name, variant in {**settings.variants, **settings.shadow_variants}.items():
        if variant.instance_count is None:
            continue
        now = live.get(name, 0)
        bounds = settings.autoscaling.get(name)
        if bounds is not None:
            found[name] = min(max(variant.instance_count, now, bounds.minimum), bounds.maximum)
        else:
            scaled_out = now > _frozen_count(frozen, name)
            found[name] = max(variant.instance_count, now) if scaled_out else variant.instance_count
    return found


def rewrite(value: str, *, release: Release, bucket: str) -> str:
    """Return a container variable with every location below the release's prefix moved to the target's bucket."""
    prefix = re.escape(names.release_prefix(release.model, release.release))
    return re.sub(rf"s3://[a-z0-9][a-z0-9.-]+/(?={prefix})", f"s3://{bucket}/", value)


def difference(before: Revision | None, after: Revision) -> list[str]:
    """Return what differs between two revisions, a line each, as `variants.main.release: a -> b`."""
    old = flat(content_of(before)) if before is not None else {}
    new = flat(content_of(after))
    changed = (key for key in sorted({*old, *new}) if old.get(key) != new.get(key))
    return [f"{key}: {old.get(key, '(none)')} -> {new.get(key, '(none)')}" for key in changed]


def flat(value: object, path: str = "") -> dict[str, str]:
    """Return nested data as one level, keyed by path."""
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for key, inner in value.items():
            found |= flat(inner, f"{path}.{key}" if path else str(key))
        return found
    if isinstance(value, list):
        return {path: ", ".join(map(str, value))}
    return {path: str(value)}


def _check_complete(
    asked: Mapping[str, VariantSettings], releases: Mapping[str, Release], *, endpoint: str, environment: str
) -> None:
    """Raise RefusedError when a variant has no release: one of its own, or one that another of its model serves."""
    models = sorted({entry.model for name, entry in asked.items() if name not in releases})
    known = {release.model for release in releases.values()}
    if absent := [model for model in models if model not in known]:
        raise RefusedError(
            f"endpoint {endpoint} also serves {', '.join(absent)}, of which no release is in {environment} yet",
            remedy="Promote a release of each model first; without --apply, until all are there.",
        )
    if models:
        missing = ", ".join(sorted(name for name in asked if name not in releases))
        raise RefusedError(
            f"endpoint {endpoint} of {environment} has no release for {missing} yet",
            remedy="Promote one without --variant first: it goes onto all variants of its model.",
        )


def _variant(settings: VariantSettings, release: Release, foundation: Foundation) -> Variant:
    model = foundation.model(settings.model)
    if release.model != settings.model:
        raise UsageError(f"{release.release} is a release of {release.model}, not of {settings.model}")
    bucket = foundation.artifact_bucket
    return Variant(
        release=release.release,
        image=f"{model.repository_url}@{release.image_digest}",
        model_data_url=release.model_data_url(bucket),
        execution_role_arn=model.execution_role_arn,
        environment=_environment(settings, release, bucket),
        weight=settings.weight,
        instance_type=settings.instance_type,
        initial_instance_count=settings.instance_count,
        serverless=settings.serverless,
        container_startup_health_check_timeout_in_seconds=settings.container_startup_health_check_timeout_in_seconds,
        model_data_download_timeout_in_seconds=settings.model_data_download_timeout_in_seconds,
    )


def _environment(settings: VariantSettings, release: Release, bucket: str) -> dict[str, str]:
    """Return the container's variables: the release's, then the source archive's place, then the endpoint's own.

    What names the release comes last: an answer that names another one would make a deployment's golden requests lie.
    """
    found = {name: rewrite(value, release=release, bucket=bucket) for name, value in release.environment.items()}
    if SOURCE_ARCHIVE in release.files:
        found[SUBMIT_DIRECTORY] = f"s3://{bucket}/{release.key(SOURCE_ARCHIVE)}"
    return {**found, **settings.environment, names.RELEASE_VARIABLE: release.release}


def _asynchronous(settings: EndpointSettings, foundation: Foundation) -> Asynchronous | None:
    wanted = settings.asynchronous
    if wanted is None:
        return None
    place = f"s3://{foundation.artifact_bucket}/{names.async_prefix(settings.endpoint)}"
    return Asynchronous(
        output_s3_uri=f"{place}output",
        failure_s3_uri=f"{place}failures",
        key_arn=foundation.artifact_key_arn,
        **wanted.__dict__,
    )


def _capture(settings: EndpointSettings, foundation: Foundation) -> DataCapture | None:
    wanted = settings.data_capture
    if wanted is None:
        return None
    usual = DataCapture(
        sampling_percentage=wanted.sampling_percentage,
        destination_s3_uri=f"s3://{foundation.artifact_bucket}/capture/{settings.endpoint}",
        key_arn=foundation.artifact_key_arn,
    )
    return replace(
        usual,
        modes=wanted.modes or usual.modes,
        json_content_types=wanted.json_content_types or usual.json_content_types,
        csv_content_types=wanted.csv_content_types or usual.csv_content_types,
    )


def _same(live: Revision, wanted: Revision, settings: EndpointSettings) -> bool:
    """Tell whether two contents are equal but for counts that are not the human's: scaled, or scaled out by hand."""
    if content_of(live.without_counts()) != content_of(wanted.without_counts()):
        return False
    asked = {**settings.variants, **settings.shadow_variants}
    for name, variant in wanted.all_variants.items():
        count = _frozen_count(live, name)
        if name not in settings.autoscaling and variant.initial_instance_count != count:
            given = asked[name].instance_count if name in asked else None
            if given != count:
                return False
    return True


def _frozen_count(revision: Revision | None, variant: str) -> int:
    if revision is None or variant not in revision.all_variants:
        return 0
    return revision.all_variants[variant].initial_instance_count or 0
