"""Plans in the shapes of other people's repositories: their configurations lie in tests/review/shapes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from scripts.golden_plans.cases import DESTROY, Case
from scripts.golden_plans.workshop import Source, Workshop

ACCOUNT = "333333333333"
BYHAND = f"made-by-hand-{ACCOUNT}"
DRIFTING = f"drifting-{ACCOUNT}"


def shape(name: str, /, **variables: Any) -> Source:
    """Return one of the configurations, with variables."""
    return Source(folders={".": f"tests/review/shapes/{name}"}, variables=variables)


def pair(name: str, about: str, folder: str, before: dict[str, Any], after: dict[str, Any]) -> Case:
    """Return a change of variables."""
    return Case(name, about, shape(folder, **after), shape(folder, **before))


def allow(*statements: dict[str, Any]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | one for one in statements]})


READ = {
    "Sid": "Read",
    "Action": ["s3:GetObject", "s3:ListBucket"],
    "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"],
}
SEND = {"Sid": "Send", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:333333333333:jobs"}
DENY = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/private/*"}
FROM = {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
PLAIN = {"policy": allow(READ, SEND)}


def _policies() -> list[Case]:
    def case(name: str, about: str, after: dict[str, Any], before: dict[str, Any] | None = None) -> Case:
        return pair(f"policy-{name}", about, "policies", PLAIN if before is None else before, PLAIN | after)

    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    shuffled = READ | {"Action": READ["Action"][::-1], "Resource": READ["Resource"][::-1], "Sid": "Reading"}
    bound = {"boundary": f"arn:aws:iam::{ACCOUNT}:policy/workload"}
    return [
        case("reordered", "the same rights in another order", {"policy": allow(SEND, shuffled)}),
        case("swallowed", "a wildcard swallows what was listed", {"policy": allow(READ | {"Action": "s3:*"}, SEND)}),
        case(
            "covered",
            "a statement that another covered already",
            {"policy": allow(READ, SEND, READ | {"Sid": "Again", "Action": "s3:GetObject"})},
        ),
        case("narrowed", "one right less", {"policy": allow(READ)}),
        case(
            "deny-dropped",
            "a refusal is taken away",
            {"policy": allow(READ, SEND)},
            {"policy": allow(READ, SEND, DENY)},
        ),
        case(
            "condition-dropped",
            "from everywhere, no more from one network",
            {"policy": allow(READ, SEND)},
            {"policy": allow(READ | FROM, SEND)},
        ),
        case("not-action", "everything but IAM", {"policy": allow(READ, {"NotAction": "iam:*", "Resource": "*"})}),
        case("all", "an administrator", {"policy": allow({"Action": "*", "Resource": "*"})}),
        case(
            "administrator",
            "AWS's policy for administrators is attached",
            {"managed": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
        ),
        case(
            "attached",
            "a policy whose text no plan holds is attached",
            {"managed": [f"arn:aws:iam::{ACCOUNT}:policy/somewhere-else"]},
        ),
        case("boundary-dropped", "a role loses its boundary", {}, PLAIN | bound),
        case("trust-opened", "everybody may assume the role", {"trust": json.dumps(trust)}),
    ]


def _stores() -> list[Case]:
    return [
        pair(
            "bucket-module-opened",
            "the public access block goes, and a statement lets everybody read",
            "bucket-module",
            {},
            {"blocked": False, "public_read": True},
        ),
        pair(
            "bucket-module-unversioned", "versions are kept no more", "bucket-module", {}, {"versioning": "Suspended"}
        ),
        pair("bucket-module-dropped", "one of two buckets goes", "bucket-module", {}, {"buckets": ["captures"]}),
        pair("bucket-module-force", "may be destroyed with all it holds", "bucket-module", {}, {"force_destroy": True}),
        pair("stores-destroyed", "tables, a database, a registry go", "stores", {}, {"kept": False}),
        pair("stores-unprotected", "protections of stores go", "stores", {}, {"protected": False}),
        pair("key-shared", "another account may decrypt", "grants", {}, {"key_accounts": ["444444444444"]}),
        pair("registry-public", "everybody may pull images", "grants", {}, {"registry_principal": "*"}),
        pair("function-public", "everybody may invoke the function", "grants", {}, {"function_principal": "*"}),
        pair("url-public", "a function gets an address without authorization", "grants", {}, {"url_auth": "NONE"}),
        pair("queue-public", "everybody may send", "grants", {}, {"queue_principal": "*"}),
        pair("tags-mutable", "image tags may be moved", "grants", {}, {"mutability": "MUTABLE"}),
    ]


def _endpoints() -> list[Case]:
    text, other = ({"model_data": f"s3://text-models/{number}/model.tar.gz"} for number in (1, 2))
    token = {"hub_token": "hf_abcdefghijklmnopqrstuvwxyz012345"}
    return [
        Case(
            "huggingface-first",
            "a module's first endpoint, with a token in the environment",
            shape("huggingface", **text, **token),
        ),
        pair(
            "huggingface-model",
            "another archive: the model is made anew under the same name",
            "huggingface",
            text | token,
            other | token,
        ),
        pair("huggingface-scaling-dropped", "no autoscaling any more", "huggingface", text | {"max_capacity": 4}, text),
        Case("plain-first", "one file's first endpoint", shape("plain")),
        pair(
            "plain-image",
            "another image, under names that are fixed",
            "plain",
            {},
            {"image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/fraud:2"},
        ),
        pair(
            "prefix-image",
            "another image, under names that AWS ends",
            "plain",
            {"naming": "prefix"},
            {"naming": "prefix", "image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/fraud:2"},
        ),
        Case(
            "timestamp-again",
            "a name with the time in it: made anew by every plan",
            shape("plain", naming="time"),
            prior=_timed,
        ),
        pair("plain-renamed", "the endpoint gets another name", "plain", {}, {"name": "scoring"}),
        pair(
            "plain-scale-in",
            "four instances -> two, not scaled",
            "plain",
            {"naming": "prefix", "count_of": 4},
            {"naming": "prefix", "count_of": 2},
        ),
        pair("plain-unguarded", "the deployment's alarm goes", "plain", {"guarded": True}, {"guarded": False}),
        pair(
            "plain-guarded-image",
            "linear, watched by an alarm",
            "plain",
            {"guarded": True, "naming": "prefix"},
            {"guarded": True, "naming": "prefix", "image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/fraud:2"},
        ),
        pair(
            "plain-async",
            "an asynchronous endpoint gets smaller instances",
            "plain",
            {"async": True, "naming": "prefix"},
            {"async": True, "naming": "prefix", "instance_type": "ml.m5.large"},
        ),
        pair(
            "plain-serverless",
            "a serverless endpoint gets more memory",
            "plain",
            {"serverless_memory": 2048, "naming": "prefix"},
            {"serverless_memory": 4096, "naming": "prefix"},
        ),
        pair(
            "plain-chain",
            "a pipeline of containers gets one more",
            "plain",
            {"chain": [f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/post:1"], "naming": "prefix"},
            {
                "chain": [
                    f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/post:1",
                    f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/sort:1",
                ],
                "naming": "prefix",
            },
        ),
        pair("plain-counted", "three endpoints with count -> two", "plain", {"endpoints": 3}, {"endpoints": 2}),
        pair(
            "plain-type-scaled",
            "another instance type under a scaling target",
            "plain",
            {"scales": True, "naming": "prefix"},
            {"scales": True, "naming": "prefix", "instance_type": "ml.c5.xlarge"},
        ),
        pair(
            "fixed-type",
            "a config is made anew under its name, and the endpoint never hears of it",
            "plain-fixed",
            {},
            {"instance_type": "ml.c5.large"},
        ),
        Case("fixed-destroyed", "terraform destroy", shape("plain-fixed"), shape("plain-fixed"), flags=DESTROY),
        Case("deposed", "a model that an interrupted apply left", shape("plain"), prior=_deposed),
    ]


def _timed(workshop: Workshop) -> dict[str, Any]:
    """Return the state of a config whose name holds a time: no plan agrees with it, so another name stands in."""
    found = workshop.state_of(shape("plain"))
    text = json.dumps(found).replace("fraud-config", "fraud-20260131120000")
    known: dict[str, Any] = json.loads(text)
    return known


def _deposed(workshop: Workshop) -> dict[str, Any]:
    """Return a state in which an old model waits for its deletion."""
    found = workshop.state_of(shape("plain"))
    (model,) = (one for one in found["resources"] if one["type"] == "aws_sagemaker_model")
    old = json.loads(json.dumps(model["instances"][0]).replace("fraud-model-", "fraud-model-0"))
    model["instances"].append(old | {"deposed": "0badcafe"})
    return found


def _others() -> list[Case]:
    secret = {"token": "tok-3f9a1c77e2b04d55", "database": {"user": "scores", "password": "hunter2-hunter2"}}
    return [
        Case("unknown-policy-first", "a policy that is written during the apply", shape("unknown-policy")),
        pair(
            "unknown-policy",
            "a known policy becomes one that is written during the apply",
            "unknown-policy",
            {},
            {"step": 2},
        ),
        Case("moved", "into a module, nothing else", shape("moved"), shape("moving")),
        Case("forgotten", "an endpoint that Terraform is to forget", shape("forgotten"), shape("moving")),
        Case("imported", "a bucket made by hand is taken over", shape("imported"), prior=_byhand),
        pair(
            "network",
            "a zone less with count, and a rule open to the world",
            "network",
            {},
            {"zones": ["eu-west-1b", "eu-west-1c"], "opened": True},
        ),
        replace(
            pair(
                "secrets",
                "a release whose surroundings are full of secrets",
                "secrets",
                secret,
                secret | {"release": "2"},
            ),
            alone=True,
        ),
        replace(
            pair(
                "secrets-rotated", "the secrets change", "secrets", secret, secret | {"token": "tok-new-77e2b04d553f"}
            ),
            alone=True,
        ),
        Case("drifted", "changed by hand, to be set right again", shape("drifting"), prior=_drifted, flags=()),
        Case(
            "drift-only", "changed by hand, only looked at", shape("drifting"), prior=_drifted, flags=("-refresh-only",)
        ),
    ]


def _byhand(workshop: Workshop) -> None:
    s3 = workshop.client("s3")
    s3.create_bucket(Bucket=BYHAND, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def _drifted(workshop: Workshop) -> dict[str, Any]:
    """Apply, then change by hand what was applied."""
    found = workshop.apply(shape("drifting"))
    workshop.client("s3").put_bucket_versioning(Bucket=DRIFTING, VersioningConfiguration={"Status": "Suspended"})
    wide = allow({"Action": "s3:*", "Resource": "*"})
    workshop.client("iam").put_role_policy(RoleName="drifting", PolicyName="drifting", PolicyDocument=wide)
    workshop.client("sns").delete_topic(TopicArn=f"arn:aws:sns:eu-west-1:{ACCOUNT}:drifting")
    return found


def cases() -> list[Case]:
    """Return all."""
    return [*_endpoints(), *_policies(), *_stores(), *_others()]
