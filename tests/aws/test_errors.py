"""One translation of every AWS error: what was denied to whom, what is absent, what may be tried again."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions as boto

from glue.aws.errors import Where, from_botocore, from_client_error, translated
from glue.errors import AccessDeniedError, AwsError, CredentialsError, NotFoundError, RefusedError

ROLE = "arn:aws:iam::222222222222:role/slipway-qa-promote"
WHERE = Where("222222222222", "eu-west-1", ROLE, "ssm", "slipway-qa")


def client_error(code: str, message: str = "said", *, status: int = 400, operation: str = "GetParameter") -> Any:
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return boto.ClientError(response, operation)


def ours(error: Any) -> AwsError:
    return from_client_error(error, WHERE, "parameter /x")


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation"])
def test_a_denial_names_action_resource_role_account_and_region(code: str) -> None:
    error = ours(client_error(code, status=403))
    assert type(error) is AccessDeniedError
    assert error.message == (
        f"AWS denied ssm:GetParameter on parameter /x to {ROLE} (account 222222222222, eu-west-1, GetParameter): said"
    )
    assert error.remedy == (
        "Give slipway-qa-promote ssm:GetParameter on parameter /x (modules/deploy-role/promote.tf declares it), "
        "then apply the root that makes it."
    )


def test_the_action_that_aws_states_wins() -> None:
    said = f"User: {ROLE} is not authorized to perform: kms:Decrypt on resource: arn:x because no policy allows it"
    error = ours(client_error("AccessDenied", said, status=403, operation="UploadPartCopy"))
    assert error.message.startswith("AWS denied kms:Decrypt on arn:x")
    assert "because no policy allows it" in error.message


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("HeadObject", "s3:GetObject"),
        ("ListObjectsV2", "s3:ListBucket"),
        ("CompleteMultipartUpload", "s3:PutObject"),
        ("ListParts", "s3:ListMultipartUploadParts"),
        ("Invoke", "lambda:InvokeFunction"),
        ("DescribeEndpoint", "sagemaker:DescribeEndpoint"),
    ],
)
def test_the_action_is_not_always_the_operation(operation: str, action: str) -> None:
    where = Where("222222222222", "eu-west-1", ROLE, "sagemaker")
    error = from_client_error(client_error("403", "Forbidden", status=403, operation=operation), where, "r")
    assert f"AWS denied {action} on r" in error.message
    assert error.message.endswith(f"{operation})")  # a bare "Forbidden" says nothing


def test_a_denied_head_says_what_else_403_may_mean() -> None:
    error = ours(client_error("403", "Forbidden", status=403, operation="HeadObject"))
    assert "S3 also says 403 for an absent object when the caller lacks s3:ListBucket" in str(error)


def test_any_403_is_a_denial_whatever_its_code() -> None:
    assert type(ours(client_error("SomethingNew", status=403))) is AccessDeniedError


@pytest.mark.parametrize("code", ["404", "NoSuchKey", "NoSuchBucket", "ParameterNotFound", "ResourceNotFoundException"])
def test_only_true_not_found_means_absent(code: str) -> None:
    error = ours(client_error(code, status=404))
    assert type(error) is NotFoundError
    assert error.message.startswith("parameter /x does not exist (account 222222222222, eu-west-1): GetParameter: ")


@pytest.mark.parametrize("code", ["ValidationException", "InvalidRequest", "NotAnErrorWeKnow"])
def test_everything_else_is_an_error_never_absent(code: str) -> None:
    error = ours(client_error(code))
    assert type(error) is AwsError
    assert error.message == f"GetParameter of parameter /x (account 222222222222, eu-west-1): {code}: said"


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "RequestExpired"])
def test_expired_and_unknown_credentials_say_log_in_again(code: str) -> None:
    error = ours(client_error(code, status=403))
    assert type(error) is CredentialsError
    assert "Log in again, or set AWS_PROFILE" in str(error)


def test_a_wrong_clock_and_a_silent_head_say_so() -> None:
    assert "clock" in str(ours(client_error("RequestTimeTooSkewed", status=403)))
    assert "credentials have expired" in str(ours(client_error("400", "Bad Request", operation="HeadObject")))


@pytest.mark.parametrize(
    ("code", "status"), [("ThrottlingException", 400), ("SlowDown", 503), ("TooManyRequestsException", 429)]
)
def test_throttling_says_wait(code: str, status: int) -> None:
    error = ours(client_error(code, status=status))
    assert error.message.startswith("AWS throttled GetParameter of parameter /x")
    assert error.remedy == "Wait, then run it again."


@pytest.mark.parametrize("code", ["KMS.DisabledException", "KMS.KMSInvalidStateException", "DisabledException"])
def test_a_key_that_is_off_says_how_it_comes_back(code: str) -> None:
    error = ours(client_error(code, "arn:aws:kms:eu-west-1:222222222222:key/1 is disabled."))
    assert type(error) is AwsError
    assert "key/1 is disabled" in error.message
    assert "aws kms enable-key" in str(error.remedy)


def test_failures_of_aws_say_so() -> None:
    error = ours(client_error("InternalError", status=500))
    assert error.message.startswith("AWS failed at GetParameter of parameter /x")
    assert "health.aws.amazon.com" in str(error)


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (boto.NoCredentialsError(), CredentialsError, "Unable to locate credentials"),
        (boto.ProfileNotFound(profile="x"), CredentialsError, "profile (x)"),
        (boto.UnauthorizedSSOTokenError(), CredentialsError, "SSO session"),
        (boto.EndpointConnectionError(endpoint_url="http://x"), AwsError, "AWS did not answer"),
        (boto.ReadTimeoutError(endpoint_url="http://x"), AwsError, "AWS did not answer"),
        (boto.ConnectTimeoutError(endpoint_url="http://x"), AwsError, "AWS did not answer"),
        (boto.SSLError(endpoint_url="http://x", error="bad"), AwsError, "AWS did not answer"),
        (boto.ParamValidationError(report="bad"), AwsError, "parameter /x (account 222222222222, eu-west-1)"),
    ],
)
def test_what_never_reached_aws(error: Any, kind: type[AwsError], reason: str) -> None:
    found = from_botocore(error, WHERE, "parameter /x")
    assert type(found) is kind
    assert reason in found.message


def test_the_cause_is_kept_and_our_own_errors_pass() -> None:
    cause = client_error("AccessDenied")
    with pytest.raises(AccessDeniedError) as caught, translated(WHERE, "parameter /x"):
        raise cause
    assert caught.value.__cause__ is cause
    own = RefusedError("no")
    with pytest.raises(RefusedError) as passed, translated(WHERE, "x"):
        raise own
    assert passed.value is own
