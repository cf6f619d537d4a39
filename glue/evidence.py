"""Makes evidence of what was proven, and finds the evidence of an environment that a release comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from glue.core import evidence as rules
from glue.core import names
from glue.core.environment import Neighbour
from glue.core.evidence import Evidence, GoldenCheck, Signed
from glue.core.release import GOLDEN
from glue.core.revision import Revision
from glue.errors import AccessDeniedError, RefusedError, SlipwayError

if TYPE_CHECKING:
    from glue.aws.s3 import Listed
    from glue.aws.session import Session
    from glue.releases import LoadedRelease
    from glue.verifying import Verified

READ = 20  # records of one release that are looked at, the newest first
_TRIES = 5


@dataclass(frozen=True)
class Made:
    """One record that was written: where, of which release, until when it counts at the most."""

    release: str
    key: str
    expires_at: datetime


@dataclass(frozen=True)
class Found:
    """What the records of a release say: those that are genuine and fit, and why each other one does not count."""

    valid: tuple[Evidence, ...]
    refused: tuple[str, ...]
    forged: tuple[str, ...] = ()


def make(
    session: Session, verified: Verified, revision: Revision, *, live_since: datetime | None, now: datetime
) -> list[Made]:
    """Sign and write a record for each release that a proven endpoint's variants serve, and return them.

    Raises RefusedError when the proof is not whole, or the revision is not what its releases are; errors of KMS and S3
    as they are. Nothing is overwritten: a renewal has the next number.
    """
    from glue.releases import load_release  # noqa: PLC0415 - boto3 is paid for by those who need it

    if verified.exit_code or verified.truth.state != "true" or verified.truth.wanted is None:
        raise RefusedError(
            f"no evidence of {verified.endpoint}: {'; '.join(verified.failures) or 'nothing is live'}",
            remedy="Evidence says that all checks passed; mend what failed, and verify again.",
        )
    made = []
    for release in sorted({variant.release for variant in revision.variants.values()}):
        loaded = load_release(session.artifacts(), release)
        check_revision(loaded, revision, account=session.environment.account_id, region=session.environment.region)
        made.append(_make(session, loaded, verified, live_since=live_since, now=now))
    return made


def _make(
    session: Session, loaded: LoadedRelease, verified: Verified, *, live_since: datetime | None, now: datetime
) -> Made:
    where = session.environment
    release = loaded.release
    golden = tuple(
        GoldenCheck(result.name, report.variant, round(result.latency_ms * 1000))
        for report in verified.golden
        if report.release == release.release
        for result in report.results
    )
    if GOLDEN in release.files and not golden:
        raise RefusedError(
            f"no evidence of {release.release}: its golden requests were not asked",
            remedy=f"slipway verify --env {where.name} --endpoint {verified.endpoint} --evidence asks them.",
        )
    found = Evidence(
        release=release.release,
        environment=where.name,
        account=where.account_id,
        endpoint=verified.endpoint,
        revision=verified.truth.wanted or "",
        checked_at=now,
        expires_at=now + rules.LONGEST,
        live_since=live_since,
        golden=golden,
        digests=rules.digests_of(release, loaded.manifest),
        by=session.principal,
        tool=_tool(),
    )
    key = names.evidence_key_arn(where.account_id, where.project, where.name, where.region)
    data = rules.record(found, session.keys.sign(key, rules.digest_of(found)))
    return Made(release.release, _write(session, loaded, data), found.expires_at)


def _write(session: Session, loaded: LoadedRelease, data: bytes) -> str:
    """Write a record under the next number that is free. Somebody may take it first, and then it is not."""
    release, environment = loaded.release, session.environment.name
    bucket = session.artifacts()
    for _ in range(_TRIES):
        listed = _records(session, loaded, Neighbour(environment, session.environment.account_id, ""))
        number = (listed[0][0] if listed else 0) + 1
        key = rules.key_of(release.model, release.release, environment, number)
        if bucket.put_once(key, data, content_type="application/json"):
            return key
    raise SlipwayError(
        f"evidence of {release.release} could not be written: others keep taking the next number",
        remedy="Run the command again.",
    )


def check_revision(loaded: LoadedRelease, revision: Revision, *, account: str, region: str) -> None:
    """Raise RefusedError unless the variants of a release serve exactly its image and archive."""
    release = loaded.release
    for name, variant in revision.all_variants.items():
        if variant.release != release.release:
            continue
        wanted = (release.image_uri(account, region), release.model_data_url(loaded.bucket.name))
        if (variant.image, variant.model_data_url) != wanted:
            raise RefusedError(
                f"variant {name} names release {release.release}, and serves {variant.image} with "
                f"{variant.model_data_url}, not {wanted[0]} with {wanted[1]}",
                remedy="The revisions file was edited by hand: promote the release instead.",
            )


def exists(session: Session, revision: Revision | None) -> bool:
    """Tell whether each release of a revision has a record of its own environment."""
    where = session.environment
    releases = {variant.release for variant in revision.variants.values()} if revision else set()
    return all(
        any(
            rules.number_of(key, release=release, environment=where.name)
            for key in session.artifacts().keys(rules.prefix_of(names.model_of_release(release), release))
        )
        for release in releases
    )


def find(
    session: Session,
    loaded: LoadedRelease,
    source: Neighbour,
    *,
    max_age_hours: float,
    now: datetime,
    enough: Callable[[Sequence[Evidence]], bool] = bool,
) -> Found:
    """Return the evidence that `source` has of a release, as this environment's role may read and verify it.

    The newest records first, until there are `enough`. The key is named from this environment's own data, never from a
    record. Raises AccessDeniedError and AwsError when the store cannot be read: then nobody knows.
    """
    valid: list[Evidence] = []
    refused: list[str] = []
    forged: list[str] = []
    for _, entry in _records(session, loaded, source)[:READ]:
        if enough(valid):
            break
        read = _read(session, entry, source)
        if isinstance(read, _Refused):
            refused.append(f"{entry.key}: {read.why}")
            forged += [entry.key] if read.forged else []
            continue
        against = rules.problems(
            read,
            release=loaded.release,
            manifest=loaded.manifest,
            source=source,
            now=now,
            max_age_hours=max_age_hours,
        )
        refused += [f"{entry.key}: {problem}" for problem in against]
        if not against:
            valid.append(read)
    return Found(tuple(valid), tuple(refused), tuple(forged))


@dataclass(frozen=True)
class _Refused:
    why: str
    forged: bool = False


def _read(session: Session, entry: Listed, source: Neighbour) -> Evidence | _Refused:
    """Return a genuine record's content, or why it is none."""
    if entry.bytes > rules.LIMIT:
        return _Refused(f"it has {entry.bytes} bytes; at most {rules.LIMIT} are read", forged=True)
    found = session.artifacts(source).get_small(entry.key, limit=rules.LIMIT)
    if found is None:
        return _Refused("it is gone")
    try:
        signed = rules.parse(found[0])
    except ValueError as error:
        return _Refused(f"it is no evidence: {error}", forged=True)
    return _unproven(session, signed, source) or signed.evidence


def _unproven(session: Session, signed: Signed, source: Neighbour) -> _Refused | None:
    """Return why a record's signature proves nothing, None when the source's key made it."""
    from glue.aws.kms import KeyUnusableError  # noqa: PLC0415 - boto3 is paid for by those who need it

    key = names.evidence_key_arn(source.account_id, session.environment.project, source.name, source.region)
    try:
        genuine = session.verifying(source.region).verify(key, signed.digest, signed.signature)
    except KeyUnusableError as error:
        return _Refused(f"its signature cannot be verified: {error.message}")
    except AccessDeniedError as error:
        return _Refused(
            f"its signature may not be verified ({error.message}); promotes_to of {source.name} must name "
            f"{session.environment.name}, and its foundation be applied"
        )
    return (
        None if genuine else _Refused(f"its signature is not one of {source.name}'s key ({key}): forged", forged=True)
    )


def _records(session: Session, loaded: LoadedRelease, source: Neighbour) -> list[tuple[int, Listed]]:
    release = loaded.release
    own = source.name == session.environment.name
    bucket = session.artifacts() if own else session.artifacts(source)
    listed = {entry.key: entry for entry in bucket.objects(rules.prefix_of(release.model, release.release))}
    newest = rules.newest_first(list(listed), release=release.release, environment=source.name)
    return [(number, listed[key]) for number, key in newest]


def _tool() -> str:
    try:
        return f"slipway {version('slipway')}"
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "slipway"
