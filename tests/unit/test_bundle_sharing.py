"""Plans from job to job: written once, by one role below each prefix, fetched by digest; and who may say yes to one."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from glue import admitting, bundle_sharing
from glue.bundle_store import Store
from glue.bundles import MADE, PULLED, READING, Bundles, Reviewed
from glue.core import bundle as core
from glue.core import bundle_archive, plan_approval
from glue.core.bundle import Maker, Manifest
from glue.core.environment import Environment, Gates
from glue.core.plan_approval import Approval, claimed, same
from glue.errors import NotFoundError, RefusedError, UsageError
from glue.workspace import Stack, Workspace
from tests.unit.bundle_support import ANN, NOW, bundles_of, harmless
from tests.unit.test_bundles import NOW_THERE, make, root, workspace

pytestmark = pytest.mark.slow

__all__ = ["root", "workspace"]

APPROVER = "arn:aws:iam::222222222222:role/lead"
LEA = "arn:aws:sts::222222222222:assumed-role/lead/lea"
WHERE = Environment(name="qa", account_id="222222222222", region="eu-west-1", approvers=(APPROVER,))
STRICT = replace(WHERE, gates=Gates(plan_approval=True))
STACK = Stack(WHERE, "serving", "ranker")
DEPLOY = "plans/deploy/serving/ranker/"


@dataclass
class Bucket:
    """The artifact store in memory. It overwrites nothing."""

    objects: dict[str, bytes] = field(default_factory=dict)
    name = "store"

    def uri(self, key: str) -> str:
        return f"s3://store/{key}"

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def get_small(self, key: str, *, limit: int) -> tuple[bytes, None] | None:
        return (self.objects[key], None) if key in self.objects and len(self.objects[key]) <= limit else None

    def put_once(self, key: str, data: bytes, *, content_type: str) -> bool:
        return content_type != "" and self.objects.setdefault(key, data) is data


def store(bucket: Bucket, role: str | None, principal: str = ANN, stack: Stack = STACK) -> Store:
    session: Any = SimpleNamespace(
        assumed=role, caller="", principal=principal, environment=stack.environment, artifacts=lambda: bucket
    )
    return Store(session, stack)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def here(workspace: Workspace) -> Bundles:
    return bundles_of(workspace)


@pytest.fixture
def there(workspace: Workspace, tmp_path: Path) -> Bundles:
    """Another job's machine, with the same checkout."""
    return bundles_of(replace(workspace, work=tmp_path / "there"))


def read_only(workspace: Workspace) -> Bundles:
    return bundles_of(workspace, maker=lambda _: Maker("arn:aws:sts::222222222222:assumed-role/p/job", "plan"))


def test_what_a_deploy_role_shared_another_job_of_it_applies_once(
    bucket: Bucket, here: Bundles, there: Bundles
) -> None:
    made = make(here)
    pushed = bundle_sharing.push(here, store(bucket, "deploy-serving"), STACK)
    assert (pushed.changed, pushed.where) == (True, f"s3://store/{DEPLOY}{made.digest}.tar")
    assert not bundle_sharing.push(here, store(bucket, "deploy-serving"), STACK).changed
    pulled = bundle_sharing.pull(there, store(bucket, "deploy-serving"), STACK, digest=made.digest)
    assert (pulled.manifest.digest, pulled.origin) == (made.digest, PULLED)
    assert there.files(STACK) == here.files(STACK)
    there.check(STACK, pulled.manifest, NOW_THERE)
    store(bucket, "deploy-serving").use(pulled.manifest)
    with pytest.raises(RefusedError, match="by another job"):
        store(bucket, "deploy-serving").use(pulled.manifest)


def test_what_a_pull_request_shared_is_compared_with_and_never_applied(
    bucket: Bucket, workspace: Workspace, there: Bundles
) -> None:  # fmt: skip
    job = read_only(workspace)
    made = make(job)
    pushed = bundle_sharing.push(job, store(bucket, "plan"), STACK)
    assert pushed.where == f"s3://store/plans/pull-requests/serving/ranker/{made.digest}.tar"
    pulled = bundle_sharing.pull(there, store(bucket, "deploy-serving"), STACK, digest=made.digest)
    assert pulled.origin == READING
    with pytest.raises(RefusedError, match="neither made here"):
        there.check(STACK, pulled.manifest, NOW_THERE)
    expected = there.expected(STACK)
    assert expected is not None
    own = make(there)
    there.compare(STACK, expected, own)


def test_nobody_shares_what_somebody_else_made(bucket: Bucket, workspace: Workspace, there: Bundles) -> None:
    """Or a job with a deploy role would make a pull request's plan its own by pushing it."""
    job = read_only(workspace)
    made = make(job)
    bundle_sharing.push(job, store(bucket, "plan"), STACK)
    bundle_sharing.pull(there, store(bucket, "deploy-serving"), STACK, digest=made.digest)
    with pytest.raises(RefusedError, match="was not made here in the role deploy-serving"):
        bundle_sharing.push(there, store(bucket, "deploy-serving"), STACK)
    with pytest.raises(RefusedError, match="was not made here in the role deploy-serving"):
        bundle_sharing.push(job, store(bucket, "deploy-serving"), STACK)


def test_a_bundle_is_fetched_by_its_whole_digest_only(bucket: Bucket, here: Bundles) -> None:
    made = make(here)
    with pytest.raises(NotFoundError, match="is not in store"):
        store(bucket, "deploy-serving").pull(made.digest)
    for digest in ("", made.digest[:12], "../" * 20, made.digest.upper()):
        with pytest.raises(UsageError, match="no digest"):
            store(bucket, "deploy-serving").pull(digest)


def test_an_object_that_is_not_the_bundle_of_its_name_is_refused(bucket: Bucket, here: Bundles) -> None:
    first, second = make(here), make(here)
    bundle_sharing.push(here, store(bucket, "deploy-serving"), STACK)
    bucket.objects[f"{DEPLOY}{first.digest}.tar"] = bucket.objects[f"{DEPLOY}{second.digest}.tar"]
    with pytest.raises(RefusedError, match="another bundle than its name says"):
        store(bucket, "deploy-serving").pull(first.digest)
    bucket.objects[f"{DEPLOY}{first.digest}.tar"] = b"not a tar"
    with pytest.raises(RefusedError, match="is not a bundle"):
        store(bucket, "deploy-serving").pull(first.digest)


def archive(*entries: tuple[str, bytes, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as found:
        for name, data, kind in entries:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type = len(data), kind
            found.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        archive(("../bundle.json", b"{}", tarfile.REGTYPE)),
        archive(("bundle.json", b"", tarfile.SYMTYPE)),
        archive(("bundle.json", b"{}", tarfile.REGTYPE), ("bundle.json", b"{}", tarfile.REGTYPE)),
        archive(("plan.tfplan", b"x", tarfile.REGTYPE)),
        archive(("bundle.json", b"{}" * 9000, tarfile.REGTYPE))[:4000],
    ],
)
def test_an_archive_holds_the_files_of_a_bundle_and_nothing_else(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        bundle_archive.unpack(data)


def test_an_archive_is_the_same_for_the_same_files() -> None:
    files = {core.MANIFEST: b"{}", core.PLAN: b"x" * 100}
    assert bundle_archive.unpack(bundle_archive.pack(files)) == files
    assert bundle_archive.pack(files) == bundle_archive.pack(dict(reversed(files.items())))


# approvals


def approve(bucket: Bucket, digest: str, *, by: str = LEA, when: datetime = NOW, review: Any = harmless) -> Approval:
    _, given = bundle_sharing.approve(
        store(bucket, "approve", by), STACK, digest=digest, comment="fine", review=review, clock=lambda: when
    )
    assert given is not None
    return given


def judged(
    bucket: Bucket, manifest: Manifest, *, by: str = ANN, environment: Environment = STRICT, when: datetime = NOW,
    environ: dict[str, str] | None = None,
) -> admitting.Admitted:  # fmt: skip
    stack = Stack(environment, "serving", "ranker")
    session: Any = SimpleNamespace(
        assumed="deploy-serving", caller="", principal=by, environment=environment, artifacts=lambda: bucket
    )
    return admitting.judge(session, stack, manifest, environ=environ or {}, now=when)


@pytest.fixture
def pushed(bucket: Bucket, here: Bundles) -> Manifest:
    made = make(here)
    bundle_sharing.push(here, store(bucket, "deploy-serving"), STACK)
    return made


def test_an_approved_plan_may_be_applied_and_the_record_says_by_whom(
    bucket: Bucket, pushed: Manifest, here: Bundles
) -> None:
    refusal = judged(bucket, pushed).refusal
    assert refusal is not None
    assert (
        f"slipway bundle approve --env qa --stack serving --endpoint ranker --digest {pushed.digest}" in refusal.remedy
    )
    approve(bucket, pushed.digest)
    found = judged(bucket, pushed)
    assert found.refusal is None
    assert (found.facts["approved_by"], found.facts["approved_bundle"]) == (LEA, pushed.digest)
    assert (found.facts["bundle"], found.facts["semantic"], found.facts["grade"]) == (
        pushed.digest,
        pushed.semantic,
        "low",
    )
    again = make(here)
    assert judged(bucket, again).refusal is None, "a re-plan that does the same keeps the approval"
    other = make(here, lambda plan: plan["resource_changes"][0]["change"]["after"].update(config="r9"))
    assert judged(bucket, other).refusal is not None


def test_an_approval_does_not_count_for_ever_nor_for_who_applies_nor_for_a_higher_grade(
    bucket: Bucket, pushed: Manifest
) -> None:
    approve(bucket, pushed.digest)
    for found, why in (
        (judged(bucket, pushed, when=NOW + timedelta(days=6)), "it expired"),
        (judged(bucket, pushed, by=LEA), "applies it"),
        (judged(bucket, replace(pushed, grade="high")), "graded low when it was approved"),
        (judged(bucket, replace(pushed, made_by=Maker(LEA))), "made the plan"),
        (
            judged(bucket, pushed, environment=replace(STRICT, approvers=("arn:aws:iam::222222222222:role/x",))),
            "none of",
        ),
    ):
        assert found.refusal is not None
        assert why in found.refusal.reason


def test_what_lies_among_approvals_and_is_none_counts_for_nothing(bucket: Bucket, pushed: Manifest) -> None:
    given = approve(bucket, pushed.digest)
    (key,) = [key for key in bucket.objects if "/approvals/" in key]
    for data in (b"", b"{}", plan_approval.encode(replace(given, semantic="0" * 64)),
                 plan_approval.encode(replace(given, expires_at=given.at + timedelta(days=400)))):  # fmt: skip
        bucket.objects[key] = data
        assert judged(bucket, pushed).refusal is not None


def test_who_made_it_does_not_approve_it(bucket: Bucket, pushed: Manifest) -> None:
    for by, why in ((ANN.replace("/ann", "/other-name"), "none of the approvers"), ("nobody", "none of the approvers")):
        with pytest.raises(RefusedError, match=why):
            approve(bucket, pushed.digest, by=by)
    assert not [key for key in bucket.objects if "/approvals/" in key]


def test_who_is_approver_and_maker_does_not_approve(bucket: Bucket, workspace: Workspace) -> None:
    job = bundles_of(workspace, maker=lambda _: Maker(f"{LEA}-at-work", "deploy-serving"))
    made = make(job)
    bundle_sharing.push(job, store(bucket, "deploy-serving"), STACK)
    with pytest.raises(RefusedError, match="made the plan"):
        approve(bucket, made.digest)


def test_an_approver_reviews_it_again(bucket: Bucket, pushed: Manifest) -> None:
    """What the maker says of it is not believed."""
    for grade, why in (("forbidden", "the review forbids"), ("high", "is graded low, and it is high")):
        with pytest.raises(RefusedError, match=why):
            approve(bucket, pushed.digest, review=lambda *_, g=grade: Reviewed(g, (), b"{}", ""))
    with pytest.raises(RefusedError, match="expired"):
        approve(bucket, pushed.digest, when=NOW + timedelta(days=2))


def test_where_nobody_must_approve_a_pipeline_claims(bucket: Bucket, pushed: Manifest) -> None:
    relaxed = replace(STRICT, gates=Gates(), approvers=())
    github = {"GITHUB_ACTOR": "lea", "GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "example/slipway"}
    found = judged(bucket, pushed, environment=relaxed, environ=github)
    assert found.refusal is None
    assert "approved_by" not in found.facts
    assert found.facts["approval_claimed"] == "lea https://github.com/example/slipway/actions/runs/7"
    assert claimed({"CIRCLE_USERNAME": "bo", "CIRCLE_BUILD_URL": "https://c/1"}) == "bo https://c/1"
    assert claimed({"SLIPWAY_APPROVED_BY": "max", **github}).startswith("max https://")
    assert claimed({"GITHUB_ACTOR": "x\x1b[31m"}) == "x\N{REPLACEMENT CHARACTER}[31m"
    assert claimed({}) == ""


SSO = "arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_Lead_0123456789abcdef/"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (LEA, APPROVER, True),
        (LEA, f"{LEA}-or-else", True),  # who assumes a role chooses the session's name
        (LEA, LEA.replace("222222222222", "333333333333"), False),
        (SSO + "lea@example.com", SSO + "bo@example.com", False),
        (SSO + "lea@example.com", SSO + "lea@example.com", True),
        ("arn:aws:iam::222222222222:user/team/lea", "arn:aws:iam::222222222222:user/lea", True),
        ("arn:aws:iam::222222222222:user/lea", "arn:aws:iam::222222222222:role/lea", False),
        ("lea", "lea", True),
        ("lea", "bo", False),
    ],
)
def test_who_may_be_the_same_person(one: str, other: str, expected: bool) -> None:
    assert same(one, other) is expected
    assert same(other, one) is expected


def test_a_person_of_the_identity_center_approves_by_the_role_that_is_named(pushed: Manifest) -> None:
    role = "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Lead_0123456789abcdef"
    assert plan_approval.may_approve(SSO + "lea@example.com", replace(WHERE, approvers=(role,)))
    assert not plan_approval.may_approve(LEA, replace(WHERE, approvers=(role,)))
    assert not plan_approval.may_approve(LEA, replace(WHERE, approvers=()))


def test_a_bundle_that_was_fetched_again_is_the_same(bucket: Bucket, pushed: Manifest, here: Bundles) -> None:
    again = bundle_sharing.pull(here, store(bucket, "deploy-serving"), STACK, digest=pushed.digest)
    assert (again.changed, again.origin) == (False, MADE)
    shown = bundle_sharing.show(here, STACK, store=store(bucket, "deploy-serving"))
    assert (shown.manifest.digest, shown.used, shown.approvals) == (pushed.digest, None, ())
