"""Bundles in an environment's artifact store, from job to job: written once, by one role below each prefix.

`plans/deploy/<stack>[/<endpoint>]/<digest>.tar` is what a deploy role made, `plans/pull-requests/…` what the reading
role made, `plans/approvals/<stack>[/<endpoint>]/<semantic digest>/…` what approvers said. The bucket's policy holds
each role to its own prefix (terraform/foundation), and expires all of it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from glue.bundles import MADE, PULLED, READING, read
from glue.core import bundle_archive, plan_approval, roles
from glue.core.bundle import MANIFEST, Manifest
from glue.core.plan_approval import Approval
from glue.errors import NotFoundError, RefusedError, SlipwayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from glue.aws.s3 import Bucket
    from glue.aws.session import Session
    from glue.workspace import Stack

DEPLOY, PULL_REQUESTS, APPROVALS = "plans/deploy/", "plans/pull-requests/", "plans/approvals/"
_MOST = 20  # approvals of one plan that are looked at
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ORIGINS = ((DEPLOY, PULLED), (PULL_REQUESTS, READING))
_TAR, _USED, _JSON = "application/x-tar", ".used.json", "application/json"


class Store:
    """The shared bundles of one stack, as one role sees them."""

    def __init__(self, session: Session, stack: Stack) -> None:
        self._session = session
        self._stack = stack
        self._scope = f"{stack.name}/{stack.endpoint}/" if stack.endpoint else f"{stack.name}/"

    def push(self, manifest: Manifest, files: Mapping[str, bytes], *, origin: str | None) -> tuple[str, bool]:
        """Write a bundle that was made here, and return its address and whether it was not there yet.

        Raises RefusedError for one from elsewhere: by its place it would be this role's own.
        """
        role = self._role()
        if origin != MADE or manifest.made_by.role != role:
            raise RefusedError(
                f"bundle {manifest.digest[:12]} of {manifest.scope} was not made here in the role {role or 'of an '}"
                f"{'' if role else 'administrator'}: whoever shares a plan has made it",
                remedy=f"Plan it with these credentials: {self._stack.make('plan')}",
            )
        prefix = PULL_REQUESTS if role == roles.PLAN else DEPLOY
        bucket, key = self._bucket(), f"{prefix}{self._scope}{manifest.digest}.tar"
        data = bundle_archive.pack(files)
        if len(data) > bundle_archive.LIMIT:
            raise SlipwayError(f"the bundle of {manifest.scope} has {len(data)} bytes; at most {bundle_archive.LIMIT}")
        return bucket.uri(key), bucket.put_once(key, data, content_type=_TAR)

    def pull(self, digest: str) -> tuple[dict[str, bytes], str]:
        """Return the files of exactly this bundle, and its origin: PULLED or READING.

        Raises UsageError for what is no digest, NotFoundError when it is not there, RefusedError when it is not the
        bundle of its name.
        """
        _check_digest(digest)
        bucket = self._bucket()
        for prefix, origin in _ORIGINS:
            key = f"{prefix}{self._scope}{digest}.tar"
            if key in bucket.keys(key):
                found = bucket.get_small(key, limit=bundle_archive.LIMIT)
                if found is not None:
                    return self._opened(found[0], digest, bucket.uri(key)), origin
        raise NotFoundError(
            f"bundle {digest[:12]} of {self._stack.label} is not in {bucket.name}",
            remedy="It expired, or was never shared: slipway bundle push, by who planned it.",
        )

    def _opened(self, data: bytes, digest: str, where: str) -> dict[str, bytes]:
        try:
            files = bundle_archive.unpack(data)
        except ValueError as error:
            raise RefusedError(f"{where} is not a bundle: {error}", remedy="Plan again.") from error
        if read(files[MANIFEST], where=where).digest != digest:
            raise RefusedError(f"{where} is another bundle than its name says", remedy="Plan again.")
        return files

    def holds(self, digest: str) -> bool:
        """Tell whether a deploy role shared this bundle."""
        key = f"{DEPLOY}{self._scope}{digest}.tar"
        return key in self._bucket().keys(key)

    def use(self, manifest: Manifest) -> None:
        """Mark a shared bundle as used, for whoever else fetched it. Raises RefusedError when it is already."""
        bucket, key = self._bucket(), f"{DEPLOY}{self._scope}{manifest.digest}{_USED}"
        data = f'{{"by": "{self._session.principal}"}}\n'.encode()
        if not bucket.put_once(key, data, content_type=_JSON):
            raise RefusedError(
                f"bundle {manifest.digest[:12]} of {manifest.scope} was applied already, by another job",
                remedy=f"Plan again, and look at the plan: {self._stack.make('plan')}",
            )

    def approve(self, manifest: Manifest, *, comment: str, now: datetime) -> Approval:
        """Write the caller's approval of what a bundle does, and return it. Raises RefusedError for who may not."""
        when = now.astimezone(UTC).replace(microsecond=0)
        approval = Approval(
            scope=manifest.scope,
            semantic=manifest.semantic,
            bundle=manifest.digest,
            grade=manifest.grade,
            made_by=manifest.made_by.principal,
            by=self._session.principal,
            at=when,
            expires_at=when + plan_approval.LIFETIME,
            comment=comment,
        )
        where = self._stack.environment
        if why := plan_approval.refusals(approval, manifest, environment=where, by="", now=when):
            raise RefusedError(f"this approval of {manifest.scope} would not count: {'; '.join(why)}")
        key = f"{APPROVALS}{self._scope}{manifest.semantic}/{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}.json"
        if not self._bucket().put_once(key, plan_approval.encode(approval), content_type=_JSON):
            raise SlipwayError(f"{key} is there already", remedy="Run the command again.")
        return approval

    def approvals(self, semantic: str) -> list[Approval]:
        """Return the approvals of what a plan does; what lies there and is none is passed over."""
        bucket = self._bucket()
        found = []
        for key in list(bucket.keys(f"{APPROVALS}{self._scope}{semantic}/"))[-_MOST:]:
            entry = bucket.get_small(key, limit=plan_approval.LIMIT)
            try:
                found += [plan_approval.decode(entry[0])] if entry is not None else []
            except ValueError:
                continue
        return found

    def _role(self) -> str | None:
        return self._session.assumed or roles.of_caller(self._session.caller, self._stack.environment)

    def _bucket(self) -> Bucket:
        try:
            return self._session.artifacts()
        except NotFoundError as error:
            raise RefusedError(
                f"{self._stack.environment.name} has no artifact store yet, so plans cannot be shared there",
                remedy=f"Plan and apply its bootstrap and foundation on one machine first: {self._stack.make('plan')}",
            ) from error


def _check_digest(digest: str) -> None:
    if not _DIGEST.fullmatch(digest):
        raise UsageError(
            f"{digest[:80]!r} is no digest of a bundle", remedy="It has 64 hex digits: slipway bundle show"
        )
