"""Reviews as the inspectors would make them, for the tests of all outputs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from glue.review.model import (
    AccessChange,
    Changed,
    Cost,
    EndpointChange,
    FieldChange,
    Finding,
    Grade,
    Review,
    Right,
    Rollback,
    Traffic,
    Unjudged,
    VariantShape,
    Waiver,
)
from glue.review.show.report import Report

ENDPOINT = "module.endpoint.aws_sagemaker_endpoint.this"
OLD, NEW = "ranker-20261114t101500-52d0f3a", "ranker-20261121t081200-1c9a4e7"

PROMOTION = EndpointChange(
    endpoint="slipway-qa-ranker",
    resource=ENDPOINT,
    action="update",
    before="r7-52d0f3aa",
    after="r8-1c9a4e7b",
    releases_before=(OLD,),
    releases_after=(NEW,),
    changes=(
        FieldChange(
            "artifact", "main", f"releases/ranker/{OLD}", f"releases/ranker/{NEW}", f"main: artifact {OLD} -> {NEW}"
        ),
        FieldChange("environment", "main", "8", "16", "main: environment NUM_THREADS changes"),
        FieldChange("instance_type", "main", "ml.c6g.large", "ml.c7g.large", "main: ml.c6g.large -> ml.c7g.large"),
    ),
    variants_before=(
        VariantShape("main", OLD, "2 × ml.c6g.large", 0.9),
        VariantShape("small", OLD, "serverless 2,048 MB, 5 at once", 0.1),
    ),
    variants_after=(
        VariantShape("main", NEW, "2 × ml.c7g.large", 0.9),
        VariantShape("small", OLD, "serverless 2,048 MB, 5 at once", 0.1),
        VariantShape("next", NEW, "1 × ml.c7g.large", None, shadow=True),
    ),
    traffic=Traffic(
        "canary",
        "canary: 10 % for 10 minutes, then all; 12 to 26 minutes",
        12.0,
        26.0,
        ((0.0, 0.0), (6.0, 10.0), (16.0, 100.0)),
    ),
    rollback=Rollback(one_line=True, text="move live back to r7-52d0f3aa"),
    cost=Cost(Decimal("146.00"), Decimal("182.50"), Decimal("36.50"), basis="AWS prices of 2026-11-01, eu-central-1"),
    text="slipway-qa-ranker r7-52d0f3aa -> r8-1c9a4e7b: new artifact, instance type; canary 12-26 min; +36.50 USD",
)
REPLACED = EndpointChange(
    endpoint="slipway-production-ranker",
    resource=ENDPOINT,
    action="replace",
    before="r7-52d0f3aa",
    after=None,
    releases_before=(OLD,),
    interrupts=("the endpoint is destroyed before it is made again: no requests are answered meanwhile",),
    scales_in=("main: 6 -> 2 instances",),
    traffic=Traffic("none", "all requests fail until the new endpoint is InService"),
    rollback=Rollback(one_line=False, text="cannot be taken back by moving one line"),
    cost=Cost(unknown=("ml.x9.huge",)),
    text="slipway-production-ranker is destroyed and made again",
)
LINEAR = EndpointChange(
    endpoint="slipway-qa-fraud",
    resource="module.fraud.aws_sagemaker_endpoint.this",
    action="update",
    before="r1-aaaaaaaa",
    after="r2-bbbbbbbb",
    traffic=Traffic(
        "linear", "linear: 25 % every 5 minutes", 20.0, 30.0, ((0.0, 25.0), (5.0, 50.0), (10.0, 75.0), (15.0, 100.0))
    ),
    rollback=Rollback(one_line=True, text="move live back to r1-aaaaaaaa"),
    variants_before=(VariantShape("a", "fraud-1", "4 × ml.m5.large", 1.0),),
    variants_after=(VariantShape("a", "fraud-2", "4 × ml.m5.large", 1.0),),
    cost=Cost(Decimal("335.80"), Decimal("335.80"), Decimal("0.00")),
    text="slipway-qa-fraud r1-aaaaaaaa -> r2-bbbbbbbb: new image; linear 20-30 min; back by one line; same cost",
)
GAINED = (
    Right(
        who="anybody",
        actions=("s3:GetObject",),
        resources=("arn:aws:s3:::slipway-qa-artifacts-222222222222/*",),
        conditions=(),
        source="aws_s3_bucket_policy.artifacts",
        public=True,
        cross_account=True,
        text="anybody can read objects of slipway-qa-artifacts-222222222222",
    ),
    Right(
        who="role/deploy",
        actions=("sagemaker:*",),
        resources=("*",),
        conditions=("aws:SourceVpc is vpc-1",),
        source="aws_iam_role_policy.deploy",
        public=False,
        cross_account=False,
        text="role/deploy can do everything with SageMaker, if aws:SourceVpc is vpc-1",
    ),
)
LOST = (
    Right(
        who="role/monitor",
        actions=("s3:ListBucket",),
        resources=("arn:aws:s3:::slipway-qa-artifacts-222222222222",),
        conditions=(),
        source="aws_iam_role_policy.monitor",
        public=False,
        cross_account=False,
        text="role/monitor can no longer list slipway-qa-artifacts-222222222222",
    ),
)


def finding(grade: Grade, rule: str, resource: str, message: str, **more: object) -> Finding:
    remedy = "Say in the pull request why, and let an owner of the environment agree."
    return Finding(rule=rule, grade=grade, resource=resource, message=message, remedy=remedy, **more)  # type: ignore[arg-type]


def promotion() -> Review:
    """What a promotion looks like: one endpoint, little else."""
    return Review(
        name="qa/serving/ranker",
        digest="5f" * 32,
        grade=Grade.MEDIUM,
        findings=(
            finding(
                Grade.MEDIUM,
                "instance-type-changes",
                ENDPOINT,
                "slipway-qa-ranker moves from ml.c6g.large to ml.c7g.large",
                endpoint="slipway-qa-ranker",
                details=("autoscaling of main is detached while the endpoint updates",),
            ),
            finding(Grade.LOW, "resource-changed", "", "4 resources change"),
        ),
        endpoints=(PROMOTION,),
        cost=PROMOTION.cost,
        counts={"create": 4, "update": 1, "delete": 2},
        folded=("2 alarms change tags only", "1 revision pruned: r5-0a1b2c3d"),
        outputs=("endpoint_config changes",),
        changes=(
            Changed(ENDPOINT, "aws_sagemaker_endpoint", "update", ("endpoint_config_name",)),
            Changed('module.endpoint.aws_sagemaker_model.this["r8/main"]', "aws_sagemaker_model", "create"),
        ),
        terraform_version="1.11.4",
    )


def dangerous() -> Review:
    """The worst day: a live endpoint goes, a bucket opens, a policy is not known."""
    waiver = Waiver(
        "protection-disabled",
        "aws_s3_bucket_versioning.capture",
        "ml-platform",
        "moves to another bucket",
        date(2026, 12, 31),
    )
    return Review(
        name="production/foundation",
        digest="a0" * 32,
        grade=Grade.FORBIDDEN,
        findings=(
            finding(
                Grade.FORBIDDEN,
                "endpoint-replaced",
                ENDPOINT,
                "slipway-production-ranker is live and is replaced",
                endpoint="slipway-production-ranker",
            ),
            finding(
                Grade.FORBIDDEN,
                "public-access",
                "aws_s3_bucket_policy.artifacts",
                "aws_s3_bucket_policy.artifacts lets anybody read",
            ),
            finding(Grade.HIGH, "access-widened", "aws_iam_role_policy.deploy", "role/deploy can do more"),
            finding(
                Grade.LOW,
                "protection-disabled",
                "aws_s3_bucket_versioning.capture",
                "versioning is switched off",
                exception=waiver,
            ),
        ),
        endpoints=(REPLACED,),
        access=AccessChange(
            GAINED, LOST, (Unjudged("aws_iam_policy.late", "its document is known only after the apply"),)
        ),
        cost=REPLACED.cost,
        counts={"create": 1, "replace": 1, "update": 3},
        drift=("aws_sagemaker_endpoint.this: tags changed outside Terraform",),
        sure=True,
        notes=("the account of aws_iam_role.x is not in the plan",),
        terraform_version="1.11.4",
    )


def nothing() -> Review:
    return Review(name="dev/foundation", digest="00" * 32, grade=Grade.NONE, terraform_version="1.11.4")


def guess() -> Review:
    """A review of data files without a plan."""
    return Review(
        name="main..HEAD",
        digest="",
        grade=Grade.MEDIUM,
        endpoints=(LINEAR,),
        sure=False,
        notes=("made from the data files of two commits, without a plan",),
        cost=LINEAR.cost,
    )


CASES = {
    "promotion": Report((promotion(),)),
    "dangerous": Report((dangerous(),)),
    "nothing": Report((nothing(),)),
    "guess": Report((guess(),)),
    "several": Report((nothing(), promotion(), dangerous(), guess()), gate=Grade.HIGH),
}
