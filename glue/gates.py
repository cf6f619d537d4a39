"""Judges whether a release may become live in an environment: freeze, evidence, soak, approval. All of them at once.

Judged is what AWS does not serve yet: a rerun, new weights of live releases, or a way back asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from glue import evidence
from glue import live as reading
from glue.console import Console
from glue.core import audit, freeze, gates, soak
from glue.core.environment import Environment
from glue.core.gates import APPROVAL, FREEZE, SOAK, GateError, Refusal
from glue.core.plan import PlannedLive
from glue.core.soak import Soaked
from glue.core.truth import revision_in
from glue.errors import AwsError, NotFoundError, RefusedError

if TYPE_CHECKING:
    from glue.aws.session import Session
    from glue.core.evidence import Evidence
    from glue.promotion import Prepared
    from glue.releases import LoadedRelease


def are_set(environment: Environment) -> bool:
    """Tell whether an environment has any gate."""
    asked = environment.gates
    return bool(asked.evidence or asked.approval or asked.soak_minutes or environment.freezes)


def freeze_refusal(environment: Environment, now: datetime) -> Refusal | None:
    """Return why nothing new may become live now, None when it may. Raises UsageError for a freeze that is none."""
    why = freeze.refusal(freeze.windows_of(environment), now)
    return Refusal(FREEZE, why, "Wait until it ends. `slipway rollback` works all the time.") if why else None


def of_promotion(session: Session, prepared: Prepared, *, now: datetime, console: Console) -> tuple[Refusal, ...]:
    """Return every gate's no to a promotion; none when it changes nothing that AWS serves."""
    plan = prepared.plan
    if not are_set(plan.target):
        return ()
    served = {entry.endpoint: _served(session, entry.endpoint) for entry in plan.endpoints}
    if all(served[entry.endpoint][0] == entry.rendered.live for entry in plan.endpoints):
        return ()
    frozen = freeze_refusal(plan.target, now)
    if all(plan.release.release in served[entry.endpoint][1] for entry in plan.endpoints):
        return gates.only([frozen])
    endpoint = plan.endpoints[0].endpoint
    return gates.only([frozen, *of_release(session, prepared.loaded, endpoint=endpoint, now=now, console=console)])


def of_apply(
    session: Session, endpoint: str, wanted: PlannedLive, *, now: datetime, console: Console
) -> tuple[Refusal, ...]:
    """Return every gate's no to a saved plan that makes a revision live.

    Its releases are judged as they lie in the environment's own store, and so is whether the plan serves exactly them.
    """
    environment = session.environment
    revision, releases = _served(session, endpoint)
    if not are_set(environment) or revision == wanted.revision:
        return ()
    found = [freeze_refusal(environment, now)]
    for release in wanted.releases:
        if release not in releases:
            found += _of_planned(session, release, wanted, endpoint=endpoint, now=now, console=console)
    refusals = gates.only(found)
    if refusals and is_way_back(session, endpoint, wanted):
        console.say(f"{wanted.revision} is a way back to what was live here: no gate is asked", of=endpoint)
        return ()
    return refusals


def is_way_back(session: Session, endpoint: str, wanted: PlannedLive) -> bool:
    """Tell whether a plan returns to releases that were live at the endpoint before: that waits for nobody."""
    return wanted.returning and _were_live(session, endpoint, wanted)


def _of_planned(
    session: Session, release: str, wanted: PlannedLive, *, endpoint: str, now: datetime, console: Console
) -> list[Refusal | None]:
    from glue.releases import load_release  # noqa: PLC0415 - boto3 is paid for by those who need it

    environment = session.environment
    asked = environment.gates
    if not (asked.evidence or asked.approval or asked.soak_minutes):
        return []
    remedy = f"Promote it: slipway promote {release} --to {environment.name}"
    try:
        loaded = load_release(session.artifacts(), release)
    except NotFoundError as error:
        return [Refusal("release", error.message, remedy)]
    image = loaded.release.image_uri(environment.account_id, environment.region)
    archive = loaded.release.model_data_url(loaded.bucket.name)
    edited = [
        Refusal(
            "release",
            f"variant {one.name} of {wanted.revision} is not {release}: its image or archive is another's",
            f"The revisions file was edited by hand. {remedy}",
        )
        for one in wanted.variants
        if one.release == release and (one.image, one.model_data_url) != (image, archive)
    ]
    return [*edited, *of_release(session, loaded, endpoint=endpoint, now=now, console=console)]


def of_release(
    session: Session, loaded: LoadedRelease, *, endpoint: str, now: datetime, console: Console
) -> tuple[Refusal, ...]:
    """Return what evidence, soak and approval say against a release."""
    found: list[Refusal | None] = []
    if session.environment.gates.evidence:
        found += _evidence(session, loaded, endpoint=endpoint, now=now, console=console)
    if session.environment.gates.approval:
        found.append(_approval(session, loaded))
    return gates.only(found)


def _evidence(
    session: Session, loaded: LoadedRelease, *, endpoint: str, now: datetime, console: Console
) -> Iterable[Refusal | None]:
    environment, release = session.environment, loaded.release.release
    source, asked = environment.promotes_from, environment.gates
    if source is None:
        return

    def soaked(records: Iterable[Evidence]) -> str | None:
        known = [Soaked(one.live_since, one.checked_at) for one in records if one.live_since is not None]
        return soak.refusal(
            known, minutes=asked.soak_minutes, now=now, source=source.name, release=release, endpoint=endpoint
        )

    found = evidence.find(
        session,
        loaded,
        source,
        max_age_hours=asked.evidence_max_age_hours,
        now=now,
        enough=lambda records: bool(records) and soaked(records) is None,
    )
    for key in found.forged:
        console.warn(f"{source.name} did not sign {key}: somebody wrote it by hand. Look who in its CloudTrail.")
    if not found.valid:
        yield gates.no_evidence(
            release,
            source.name,
            refused=found.refused,
            endpoint=endpoint,
            max_age_hours=asked.evidence_max_age_hours,
        )
    elif why := soaked(found.valid):
        yield Refusal(
            SOAK, why, f"slipway verify --env {source.name} --endpoint {endpoint} --evidence, when it is time."
        )


def _approval(session: Session, loaded: LoadedRelease) -> Refusal | None:
    environment = session.environment
    foundation = session.parameters.foundation(environment)
    group = foundation.model(loaded.release.model).model_package_group
    package = session.sagemaker.find_package(group, loaded.release.release)
    return gates.approval(loaded.release, package, environment=environment, bucket=foundation.artifact_bucket)


def is_to_register(refusals: Iterable[Refusal], *, package: str | None) -> bool:
    """Tell whether the only no is that nobody could approve yet: then the release is registered, and waits."""
    return package is None and {one.gate for one in refusals} == {APPROVAL}


def require(what: str, refusals: tuple[Refusal, ...], environment: Environment) -> None:
    """Raise GateError with all of them, when there is any."""
    if refusals:
        raise GateError(what, refusals, environment=environment)


def _served(session: Session, endpoint: str) -> tuple[str | None, frozenset[str]]:
    """Return the revision that AWS serves (None: none of ours), and the releases in it."""
    name = session.environment.endpoint_name(endpoint)
    live = reading.read(session.sagemaker, name)
    if live.endpoint is None or live.config is None:
        return None, frozenset()
    variants = [*live.config.variants, *live.config.shadow_variants]
    found = {release for variant in variants if (release := live.release_of(variant)) is not None}
    return revision_in(live.endpoint.config, name), frozenset(found)


def _were_live(session: Session, endpoint: str, wanted: PlannedLive) -> bool:
    """Tell whether each release of a revision was live at the endpoint before, as the audit trail has it."""
    from glue.auditing import MOST, records  # noqa: PLC0415 - boto3 is paid for by those who need it

    try:
        kept = records(session, endpoint, limit=MOST)
    except (AwsError, RefusedError):
        return False  # nobody knows, so the gates count
    were = {
        release
        for entry, _ in kept
        if isinstance(entry, audit.Record) and entry.moves and entry.outcome == audit.DONE
        for release in entry.releases
    }
    return bool(wanted.releases) and set(wanted.releases) <= were
