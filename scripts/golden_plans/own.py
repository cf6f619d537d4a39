"""The cases of this repository's own roots: what a model owner and an operator of it will see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from glue.tf import hcl
from scripts.golden_plans.cases import DESTROY, Case
from scripts.golden_plans.workshop import PACKAGE, Source
from scripts.terraform_checks import ROOT

REGION = "eu-west-1"
COMMON = {"modules": "modules"}


def _root(name: str, environment: str, variables: Mapping[str, Any]) -> Source:
    data: Any = hcl.read(ROOT / "environments" / environment / "environment.tfvars")
    folders = {**COMMON, f"terraform/{name}": f"terraform/{name}"}
    account = data["environment"]["account_id"]
    parameters = {f"/slipway/{environment}/foundation": json.dumps(_foundation(environment, account))}
    return Source(
        folders=folders, root=f"terraform/{name}", variables=data | variables, parameters=parameters, account=account
    )


def _foundation(environment: str, account: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "account_id": account,
        "region": REGION,
        "artifact_bucket": f"slipway-{environment}-artifacts-{account}",
        "notification_topic_arn": f"arn:aws:sns:{REGION}:{account}:slipway-{environment}-notifications",
        "workload_boundary_arn": f"arn:aws:iam::{account}:policy/slipway-{environment}-workload",
        "models": {"ranker": {}},
    }


def variant(number: int, **changed: Any) -> dict[str, Any]:
    """Return what a revision holds of the release with a number."""
    account, release = "333333333333", f"ranker-2026112{number}t100000-{number}a2b3c4"
    return {
        "release": release,
        "image": f"{account}.dkr.ecr.{REGION}.amazonaws.com/slipway/ranker@sha256:{str(number) * 64}",
        "model_data_url": f"s3://slipway-production-artifacts-{account}/releases/ranker/{release}/model.tar.gz",
        "environment": {"LOG_LEVEL": "info", "WORKERS": "2"},
        "execution_role_arn": f"arn:aws:iam::{account}:role/slipway-production-ranker-execution",
        "instance_type": "ml.m5.large",
        "initial_instance_count": 2,
    } | changed


CAPTURE = {
    "sampling_percentage": 10,
    "destination_s3_uri": "s3://slipway-production-artifacts-333333333333/capture/ranker",
}


def revision(replaces: str | None = None, capture: Any = CAPTURE, **variants: Any) -> dict[str, Any]:
    """Return a revision of variants."""
    return {"variants": variants, "data_capture": capture, "replaces": replaces}


R1 = revision(main=variant(1))
R2 = revision(replaces="r1-0badcafe", main=variant(2, environment={"LOG_LEVEL": "warning", "WORKERS": "2"}))


def serving(live: str | None, revisions: Mapping[str, Any], **more: Any) -> Source:
    """Return the serving root of production's ranker."""
    endpoint: Any = hcl.read(ROOT / "environments" / "production" / "endpoints" / "ranker.tfvars")
    packages = dict.fromkeys(("function_package", "monitor_package"), PACKAGE)
    return _root("serving", "production", endpoint | packages | {"live": live, "revisions": dict(revisions)} | more)


ONE = serving("r1-0badcafe", {"r1-0badcafe": R1})
TWO = serving("r2-c0ffee00", {"r1-0badcafe": R1, "r2-c0ffee00": R2})


def _next(**changed: Any) -> Source:
    """Return r1 and a live r2, whose variant differs from r1's in what is named."""
    second = revision(replaces="r1-0badcafe", main=variant(1, **changed))
    return serving("r2-c0ffee00", {"r1-0badcafe": R1, "r2-c0ffee00": second})


def _weights(live: str, *pairs: tuple[int, int]) -> Source:
    found = {
        f"r{number}-deadbee{number}": revision(
            replaces=f"r{number - 1}-deadbee{number - 1}" if number > 1 else None,
            main=variant(1, weight=main),
            challenger=variant(2, weight=other),
        )
        for number, (main, other) in enumerate(pairs, 1)
    }
    scaled: Any = ONE.variables["autoscaling"]
    return serving(live, found, autoscaling={**scaled, "challenger": scaled["main"]})


def _edited(source: Source, file: str, old: str, new: str) -> Source:
    return replace(source, edits=(*source.edits, (file, old, new)))


def _retagged() -> Source:
    environment: Any = ONE.variables["environment"]
    return replace(ONE, variables={**ONE.variables, "environment": {**environment, "owner": "search-relevance"}})


def _callers(**callers: Any) -> Source:
    known: Any = ONE.variables["callers"]
    return replace(ONE, variables={**ONE.variables, "callers": known | callers})


BOOTSTRAP = _root("bootstrap", "dev", {})
# A plan does not say what the parameter's value will be, so no state can be made that agrees with it.
FOUNDATION = replace(
    _root("foundation", "production", {}),
    edits=[
        (
            "terraform/foundation/publication.tf",
            "  insecure_value =",
            "  lifecycle {\n    ignore_changes = [insecure_value]\n  }\n\n  insecure_value =",
        )
    ],
)
BUCKET = "modules/encrypted-bucket/bucket.tf"
KEY = "modules/encrypted-bucket/key.tf"
ROLES = "modules/deploy-role"
PUBLIC = """
  statement {
    sid       = "LetEverybodyRead"
    actions   = ["s3:GetObject"]
    resources = [local.objects]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }

  dynamic "statement" {
    for_each = local.encryption_denials
"""
# what the role may do beyond the committed policy: by role, the root, its file, and the edit
WIDENED = {
    "deploy-foundation": (
        BOOTSTRAP,
        f"{ROLES}/foundation.tf",
        '"kms:PutKeyPolicy",',
        '"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion",',
    ),
    "deploy-serving": (
        BOOTSTRAP,
        f"{ROLES}/serving.tf",
        'resources  = ["${local.iam}:role/${local.prefix}-*-execution"]\n      conditions = [local.to_sagemaker]',
        'resources  = ["*"]\n      conditions = []',
    ),
    "promote": (
        BOOTSTRAP,
        f"{ROLES}/promote.tf",
        '"sagemaker:InvokeEndpointAsync",',
        '"sagemaker:InvokeEndpointAsync", "sagemaker:DeleteEndpoint",',
    ),
    "plan": (
        BOOTSTRAP,
        f"{ROLES}/plan.tf",
        'actions    = ["s3:GetObject"]\n      resources  = ["${local.states}/*"]',
        'actions    = ["s3:GetObject", "s3:PutObject"]\n      resources  = ["${local.states}/*"]',
    ),
    "prune": (
        BOOTSTRAP,
        f"{ROLES}/prune.tf",
        'resources  = ["${local.artifacts}/releases/*"] #',
        'resources  = ["${local.artifacts}/*"] #',
    ),
    "train": (
        BOOTSTRAP,
        f"{ROLES}/train.tf",
        '[{ test = "Bool", variable = "lambda:InvokedViaFunctionUrl", values = ["true"] }]',
        "[]",
    ),
    "execution": (
        FOUNDATION,
        "modules/execution-role/runtime.tf",
        "resources = [var.repository_arn]",
        'resources = ["*"]',
    ),
    "invoker": (
        ONE,
        "modules/endpoint-invoker/role.tf",
        "resources = [var.endpoint_arn]",
        'resources = ["arn:aws:sagemaker:*:*:endpoint/*"]',
    ),
    "caller": (
        ONE,
        "modules/caller-role/role.tf",
        'actions   = ["sagemaker:InvokeEndpoint"]',
        'actions   = ["sagemaker:*"]',
    ),
}


def _fleet(*, live: Mapping[str, str], gone: tuple[str, ...] = (), count: int = 50) -> Source:
    """Return many endpoints of one configuration, as a team without a state for each endpoint has them."""
    second = revision(replaces="r1-0badcafe", main=variant(2))
    endpoints = {
        f"shop-{number:03}": {
            "live": live.get(f"shop-{number:03}", "r1-0badcafe"),
            "revisions": {"r1-0badcafe": R1} | ({"r2-c0ffee00": second} if f"shop-{number:03}" in live else {}),
        }
        for number in range(1, count + 1)
        if f"shop-{number:03}" not in gone
    }
    return Source(
        folders={**COMMON, "fleet": "tests/review/fleet"},
        root="fleet",
        variables={"endpoints": endpoints},
        account="333333333333",
    )


def fleet(count: int) -> Case:
    """Return the plan that promotes one endpoint of many: size is what it is about."""
    moved = _fleet(live={"shop-007": "r2-c0ffee00"}, count=count)
    return Case(
        f"fleet-{count}", f"one of {count} endpoints of one state is promoted", moved, _fleet(live={}, count=count)
    )


def cases() -> list[Case]:
    """Return all."""
    split = _weights("r1-deadbee1", (9, 1))
    r2_smaller = revision(replaces="r1-0badcafe", main=variant(1, initial_instance_count=1))
    several = serving("r1-0badcafe", {"r1-0badcafe": revision(main=variant(1, initial_instance_count=4))})
    fewer = serving(
        "r2-c0ffee00",
        {"r1-0badcafe": revision(main=variant(1, initial_instance_count=4)), "r2-c0ffee00": r2_smaller},
    )
    silent = revision(replaces="r1-0badcafe", capture=None, main=variant(1))
    failed = R2 | {"failed": "2026-11-21T10:00:00Z an alarm rang"}
    found = [
        Case("first-apply", "an endpoint that was never there", ONE),
        Case("no-change", "nothing to do", ONE, ONE),
        Case("promotion", "release 1 -> 2: image, archive and one variable of the container", TWO, ONE),
        Case("rollback", "`live` back to r1", replace(TWO, variables={**TWO.variables, "live": "r1-0badcafe"}), TWO),
        Case(
            "returning",
            "back at once after a failed deployment",
            serving("r1-0badcafe", {"r1-0badcafe": R1, "r2-c0ffee00": failed}, returning=True),
            TWO,
        ),
        Case(
            "type-change", "ml.m5.large -> ml.m5.xlarge of a scaled variant", _next(instance_type="ml.m5.xlarge"), ONE
        ),
        Case("count-decrease", "four instances -> one", fewer, several),
        Case(
            "serverless",
            "instances -> serverless",
            serving(
                "r2-c0ffee00",
                {
                    "r1-0badcafe": R1,
                    "r2-c0ffee00": revision(
                        replaces="r1-0badcafe",
                        capture=None,
                        main=variant(
                            1,
                            instance_type=None,
                            initial_instance_count=None,
                            serverless={"memory_size_in_mb": 2048, "max_concurrency": 5},
                        ),
                    ),
                },
                deployment="instant",
                autoscaling={},
                monitor=None,
            ),
            ONE,
        ),
        Case("weights", "nine to one -> one to one", _weights("r2-deadbee2", (9, 1), (1, 1)), split),
        Case("pruning", "r1 is dropped, r2 stays live", serving("r2-c0ffee00", {"r2-c0ffee00": R2}), TWO),
        Case(
            "capture-dropped",
            "requests are captured no more",
            serving("r2-c0ffee00", {"r1-0badcafe": R1, "r2-c0ffee00": silent}, monitor=None),
            ONE,
        ),
        Case(
            "autoscaling-dropped",
            "the variant scales no more",
            replace(ONE, variables={**ONE.variables, "autoscaling": {}}),
            ONE,
        ),
        Case("endpoint-emptied", "the revisions file is emptied", serving(None, {}), ONE),
        Case("endpoint-destroyed", "terraform destroy", ONE, ONE, flags=DESTROY),
        Case(
            "new-caller",
            "another account may assume a new caller role",
            _callers(ads={"principal_arns": ["arn:aws:iam::555555555555:role/ads"]}),
            ONE,
        ),
        Case(
            "caller-opened",
            "a caller role that everybody may assume",
            _edited(ONE, "modules/caller-role/role.tf", "identifiers = var.principal_arns", 'identifiers = ["*"]'),
            ONE,
        ),
        Case("tags-only", "another owner in the tags", _retagged(), ONE),
        Case("bootstrap-first", "an account's roles are made", BOOTSTRAP),
        Case("foundation-first", "a foundation is made", FOUNDATION),
        Case(
            "bucket-opened",
            "public access block off",
            _edited(FOUNDATION, BUCKET, "block_public_policy     = true", "block_public_policy     = false"),
            FOUNDATION,
        ),
        Case(
            "bucket-public",
            "everybody may read objects",
            _edited(
                FOUNDATION,
                "modules/encrypted-bucket/policy.tf",
                '\n  dynamic "statement" {\n    for_each = local.encryption_denials\n',
                PUBLIC,
            ),
            FOUNDATION,
        ),
        Case(
            "encryption-dropped",
            "AES256 instead of the key",
            _edited(
                FOUNDATION,
                BUCKET,
                'sse_algorithm     = "aws:kms"\n      kms_master_key_id = aws_kms_key.this.arn',
                'sse_algorithm = "AES256"',
            ),
            FOUNDATION,
        ),
        Case(
            "versioning-dropped",
            "versions are kept no more",
            _edited(FOUNDATION, BUCKET, 'status = "Enabled"', 'status = "Suspended"'),
            FOUNDATION,
        ),
        Case("key-deleted", "the artifact store's key and bucket go", FOUNDATION, FOUNDATION, flags=DESTROY),
        Case(
            "key-rotation-off",
            "keys rotate no more, and go after a week",
            _edited(
                _edited(FOUNDATION, KEY, "enable_key_rotation     = true", "enable_key_rotation     = false"),
                KEY,
                "var.key.deletion_window_days",
                "7",
            ),
            FOUNDATION,
        ),
        Case(
            "fifty",
            "of fifty endpoints one is promoted and one deleted",
            _fleet(live={"shop-007": "r2-c0ffee00"}, gone=("shop-013",)),
            _fleet(live={}),
        ),
    ]
    widened = [
        Case(f"widened-{role}", f"the role {role} may do more", _edited(root, file, old, new), root)
        for role, (root, file, old, new) in WIDENED.items()
    ]
    return [*found, *widened]
