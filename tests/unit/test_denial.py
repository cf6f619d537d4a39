"""AWS's denials in its own words, and what they come to: permission, who lacked it, which policy, where to go."""

from __future__ import annotations

import pytest

from glue.core.denial import Denial, declared_in, read, remedy, role_of
from glue.core.environment import Environment
from glue.errors import AccessDeniedError, CredentialsError
from glue.tf.messages import explain
from glue.workspace import Stack

QA = Environment("qa", "222222222222", "eu-west-1")
SERVING = "arn:aws:sts::222222222222:assumed-role/slipway-qa-deploy-serving/slipway-jo"
PROMOTE = "arn:aws:sts::222222222222:assumed-role/slipway-qa-promote/slipway-jo"
MODEL = "arn:aws:sagemaker:eu-west-1:222222222222:model/slipway-qa-ranker-1a2b3c4d"
OBJECT = "arn:aws:s3:::slipway-dev-artifacts-111111111111/releases/ranker/x/model.tar.gz"

# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html gives the forms
MESSAGES = [
    (
        (
            f"User: {SERVING} is not authorized to perform: sagemaker:CreateModel on resource: {MODEL} because no "
            "identity-based policy allows the sagemaker:CreateModel action"
        ),
        Denial("sagemaker:CreateModel", MODEL, SERVING, "identity-based"),
    ),
    (
        (
            f'User: {PROMOTE} is not authorized to perform: s3:GetObject on resource: "{OBJECT}" because no '
            f"resource-based "
            "policy allows the s3:GetObject action"
        ),
        Denial("s3:GetObject", OBJECT, PROMOTE, "resource-based"),
    ),
    (
        (
            f"User: {PROMOTE} is not authorized to perform: s3:PutObject on resource: {OBJECT} with an explicit "
            f"deny in a "
            "resource-based policy"
        ),
        Denial("s3:PutObject", OBJECT, PROMOTE, "resource-based", explicit=True),
    ),
    (
        (
            f"User: {SERVING} is not authorized to perform: iam:CreateRole on resource: "
            "arn:aws:iam::222222222222:role/x with an explicit deny in a permissions boundary"
        ),
        Denial("iam:CreateRole", "arn:aws:iam::222222222222:role/x", SERVING, "permissions boundary", explicit=True),
    ),
    (
        (
            f"User: {SERVING} is not authorized to perform: ec2:RunInstances on resource: * because no permissions "
            "boundary allows the ec2:RunInstances action"
        ),
        Denial("ec2:RunInstances", "*", SERVING, "permissions boundary"),
    ),
    (
        (
            f"User: {SERVING} is not authorized to perform: sagemaker:CreateModel with an explicit deny in a service "
            "control policy: arn:aws:organizations::999999999999:policy/o-a/service_control_policy/p-1"
        ),
        Denial("sagemaker:CreateModel", None, SERVING, "service control", explicit=True),
    ),
    (
        (
            f"User: {PROMOTE} is not authorized to perform: s3:GetObject on resource: {OBJECT} with an explicit "
            f"deny in a "
            "resource control policy"
        ),
        Denial("s3:GetObject", OBJECT, PROMOTE, "resource control", explicit=True),
    ),
    (
        (
            f"User: {PROMOTE} is not authorized to perform: kms:Decrypt on resource: "
            f"arn:aws:kms:eu-west-1:111111111111:key/1"
            " because no session policy allows the kms:Decrypt action"
        ),
        Denial("kms:Decrypt", "arn:aws:kms:eu-west-1:111111111111:key/1", PROMOTE, "session"),
    ),
    (
        (
            f"User: {PROMOTE} is not authorized to perform: s3:ListBucket on resource: x because no VPC "
            f"endpoint policy "
            "allows the s3:ListBucket action"
        ),
        Denial("s3:ListBucket", "x", PROMOTE, "vpc endpoint"),
    ),
    (
        (
            "User: arn:aws:iam::444444444444:role/other is not authorized to perform: sts:AssumeRole on resource: "
            "arn:aws:iam::222222222222:role/slipway-qa-promote"
        ),
        Denial(
            "sts:AssumeRole",
            "arn:aws:iam::222222222222:role/slipway-qa-promote",
            "arn:aws:iam::444444444444:role/other",
        ),
    ),
    (
        (
            f"User: {SERVING} is not authorized to perform: SNS:Publish on resource: "
            "arn:aws:sns:eu-west-1:222222222222:slipway-qa-notifications because no identity-based policy allows the "
            "SNS:Publish action"
        ),
        Denial("sns:Publish", "arn:aws:sns:eu-west-1:222222222222:slipway-qa-notifications", SERVING, "identity-based"),
    ),
    (
        (
            f"User: {SERVING} is not authorized to perform: iam:PassRole on resource: "
            "arn:aws:iam::222222222222:role/slipway-qa-ranker-execution because no identity-based policy allows the "
            "iam:PassRole action"
        ),
        Denial("iam:PassRole", "arn:aws:iam::222222222222:role/slipway-qa-ranker-execution", SERVING, "identity-based"),
    ),
    (
        (
            f"User: {SERVING} is not authorized to perform: ssm:GetParameter on\nresource: arn:aws:ssm:eu-west-1:"
            "222222222222:parameter/slipway/qa/foundation because no\nidentity-based policy allows "
            "the\nssm:GetParameter action"
        ),
        Denial(
            "ssm:GetParameter",
            "arn:aws:ssm:eu-west-1:222222222222:parameter/slipway/qa/foundation",
            SERVING,
            "identity-based",
        ),
    ),
    (
        (
            "You are not authorized to perform this operation. Encoded authorization failure message: "
            "4GIOHlTkIaWHQD0Q0m6XSnuUMCm-abcdefghijklmn_pqrs"
        ),
        Denial(None, encoded="4GIOHlTkIaWHQD0Q0m6XSnuUMCm-abcdefghijklmn_pqrs"),
    ),
    (
        (
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
            "or you are "
            "not allowed to access."
        ),
        Denial("kms:Decrypt"),
    ),
    ("Access Denied", Denial(None)),
    ("Forbidden", Denial(None)),
]


@pytest.mark.parametrize(("text", "found"), MESSAGES, ids=range(len(MESSAGES)))
def test_reads_every_form_of_a_denial(text: str, found: Denial) -> None:
    assert read(text) == found


@pytest.mark.parametrize(
    ("principal", "name"),
    [
        (SERVING, "slipway-qa-deploy-serving"),
        ("arn:aws:iam::222222222222:role/path/slipway-qa-plan", "slipway-qa-plan"),
        ("arn:aws:iam::999999999999:user/person", "arn:aws:iam::999999999999:user/person"),
    ],
)
def test_a_session_is_of_its_role(principal: str, name: str) -> None:
    assert role_of(principal) == name


@pytest.mark.parametrize(
    ("role", "kind", "file"),
    [
        ("slipway-qa-deploy-serving", "identity-based", "modules/deploy-role/serving.tf"),
        ("slipway-qa-deploy-foundation", None, "modules/deploy-role/foundation.tf"),
        ("slipway-qa-promote", "permissions boundary", "modules/role-boundary/deployment.tf"),
        ("slipway-qa-ranker-execution", "permissions boundary", "modules/role-boundary/workload.tf"),
        ("slipway-qa-ranker-execution", "identity-based", "modules/execution-role"),
        ("slipway-qa-ranker-invoker", None, "modules/endpoint-invoker/role.tf"),
        ("slipway-qa-ranker-caller-search", None, "modules/caller-role/role.tf"),
        ("slipway-dev-promote", None, None),
        ("administrator", None, None),
    ],
)
def test_says_which_file_declares_the_role(role: str, kind: str | None, file: str | None) -> None:
    session = f"arn:aws:sts::222222222222:assumed-role/{role}/jo"
    assert declared_in(session, prefix="slipway-qa", denial=Denial("a:B", kind=kind)) == file


@pytest.mark.parametrize(
    ("denial", "says"),
    [
        (
            Denial("s3:GetObject", OBJECT, PROMOTE, "resource-based"),
            f"Let the resource's policy allow s3:GetObject on {OBJECT}: modules/artifact-store declares it.",
        ),
        (
            Denial("sagemaker:CreateModel", MODEL, SERVING, "identity-based"),
            (
                f"Give slipway-qa-deploy-serving sagemaker:CreateModel on {MODEL} "
                f"(modules/deploy-role/serving.tf declares "
                "it), then apply the root that makes it."
            ),
        ),
        (
            Denial("iam:CreateRole", "r", SERVING, "permissions boundary", explicit=True),
            (
                "Somebody denies this on purpose: read that statement (modules/role-boundary/deployment.tf "
                "declares it) "
                "before you change it."
            ),
        ),
        (
            Denial("a:B", "r", SERVING, "service control", explicit=True),
            "Ask who administers the AWS organization to allow a:B on r.",
        ),
        (
            Denial("s3:ListBucket", "s3://slipway-dev-artifacts-111111111111/releases/x/", PROMOTE),
            (
                "s3://slipway-dev-artifacts-111111111111/releases/x/ belongs to account 111111111111, so its policy "
                "(modules/artifact-store declares it; apply it there) and the role (modules/deploy-role/promote.tf "
                "declares it) must both allow s3:ListBucket."
            ),
        ),
        (
            Denial("s3:GetObject", "s3://slipway-qa-artifacts-222222222222/x", PROMOTE),
            (
                "Give slipway-qa-promote s3:GetObject on s3://slipway-qa-artifacts-222222222222/x "
                "(modules/deploy-role/promote.tf declares it), then apply the root that makes it."
            ),
        ),
        (Denial("a:B", "r", SERVING, "session"), "Change the session policy, so that it allows a:B on r."),
    ],
)
def test_says_what_to_do(denial: Denial, says: str) -> None:
    assert remedy(denial, caller=SERVING, prefix="slipway-qa", resource="r") == says


def terraform(output: str, stack: str = "serving", endpoint: str | None = "ranker") -> Exception:
    return explain(output, stack=Stack(QA, stack, endpoint), verb="apply", log="x.log")


def test_terraform_denied_by_a_message_names_permission_role_and_file() -> None:
    error = terraform(
        "╷\n│ Error: creating SageMaker Model (slipway-qa-ranker-1a2b3c4d): operation error SageMaker: CreateModel, "
        "https response error StatusCode: 400, RequestID: 2f, api error AccessDeniedException: "
        f"{MESSAGES[0][0]}\n│ \n│   with module.endpoint[0].aws_sagemaker_model.this\n╵\n"
    )
    assert isinstance(error, AccessDeniedError)
    first, _, whole = error.message.partition("\n")
    assert first == (
        f"AWS denied terraform sagemaker:CreateModel on {MODEL} in qa/serving/ranker (account 222222222222) to "
        f"{SERVING}"
        ": the role's own policy does not allow it"
    )
    assert "creating SageMaker Model" in whole
    assert error.remedy is not None
    assert "modules/deploy-role/serving.tf" in error.remedy


def test_terraform_denied_by_s3s_short_message_names_the_operation() -> None:
    error = terraform(
        "Error: putting S3 Bucket (slipway-qa-artifacts-222222222222) Policy: operation error S3: PutBucketPolicy, "
        "https response error StatusCode: 403, RequestID: 2f, HostID: x, api error AccessDenied: Access Denied\n",
        stack="foundation",
        endpoint=None,
    )
    assert isinstance(error, AccessDeniedError)
    assert "AWS denied terraform s3:PutBucketPolicy on" in error.message
    assert "slipway-qa-artifacts-222222222222" in error.message
    assert "role/slipway-qa-deploy-foundation" in error.message
    assert error.remedy is not None
    assert "modules/deploy-role/foundation.tf" in error.remedy


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("Application Auto Scaling", "RegisterScalableTarget", "application-autoscaling:RegisterScalableTarget"),
        ("CloudWatch Logs", "CreateLogGroup", "logs:CreateLogGroup"),
        ("CloudWatch", "PutMetricAlarm", "cloudwatch:PutMetricAlarm"),
        ("IAM", "CreateRole", "iam:CreateRole"),
        ("S3", "HeadObject", "s3:GetObject"),
    ],
)
def test_the_operation_of_the_sdk_is_told_as_the_permission(service: str, operation: str, action: str) -> None:
    error = terraform(f"Error: x: operation error {service}: {operation}, https response error StatusCode: 403, y\n\n")
    assert f"AWS denied terraform {action} on" in str(error)


def test_a_profile_whose_program_fails_is_a_matter_of_credentials() -> None:
    error = terraform(
        "Error: No valid credential sources found\n\nprocess provider error: error in credential_process: exit status 1"
    )
    assert isinstance(error, CredentialsError)


def test_a_lock_that_may_not_be_taken_is_a_denial() -> None:
    error = terraform(
        "Error: Error acquiring the state lock\n\nError message: operation error S3: PutObject, https response error\n"
        f"StatusCode: 403, RequestID: 1, HostID: x, api error AccessDenied: User:\n{SERVING} is not\nauthorized to "
        'perform: s3:PutObject on resource:\n"arn:aws:s3:::slipway-qa-tfstate-222222222222/serving/ranker.tfstate'
        '.tflock"\nbecause no identity-based policy allows the s3:PutObject action\n\nTerraform acquires a state lock\n'
    )
    assert isinstance(error, AccessDeniedError)
    assert "AWS denied terraform s3:PutObject on arn:aws:s3:::slipway-qa-tfstate-222222222222/serving/" in error.message
