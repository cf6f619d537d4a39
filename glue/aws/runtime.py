"""SageMaker's runtime: one request to an endpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto

from glue.aws.errors import Where, code_of, from_client_error, translated
from glue.core.golden import printable
from glue.errors import AwsError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient


class ModelError(AwsError):
    """The model's container answered with an error. `status` is its HTTP status, `said` its own words."""

    def __init__(self, message: str, *, status: int, said: str, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.said = said


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered, and which variant did. `attributes` are the container's custom attributes.

    `retries` tells how often the client asked again: then the time that it took is not the model's.
    """

    body: bytes
    content_type: str
    variant: str
    attributes: str = ""
    retries: int = 0


@dataclass(frozen=True)
class Submitted:
    """Where the answer to an asynchronous request will lie, or the reason of its failure: S3 URIs."""

    output: str
    failure: str | None


class Runtime:
    """Invokes endpoints of one account."""

    def __init__(self, client: SageMakerRuntimeClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def invoke(
        self, endpoint: str, body: bytes, *, content_type: str, accept: str, variant: str | None = None
    ) -> Answer:
        """Send one request to an endpoint (its full name), to one variant if named.

        Raises ModelError with the container's own words, NotFoundError when there is no such endpoint.
        """
        extra: dict[str, Any] = {"TargetVariant": variant} if variant else {}
        with translated(self._where, f"endpoint {endpoint}"):
            try:
                answer = self._client.invoke_endpoint(
                    EndpointName=endpoint, Body=body, ContentType=content_type, Accept=accept, **extra
                )
                data = answer["Body"].read()
            except boto.ClientError as error:
                raise self._explained(error, endpoint) from error
        metadata: Any = answer.get("ResponseMetadata", {})
        return Answer(
            data,
            answer.get("ContentType", ""),
            answer.get("InvokedProductionVariant", ""),
            attributes=answer.get("CustomAttributes", ""),
            retries=int(metadata.get("RetryAttempts", 0)),
        )

    def submit(self, endpoint: str, input_uri: str, *, content_type: str, accept: str) -> Submitted:
        """Hand a request that lies in S3 to an asynchronous endpoint (its full name); its answer comes later.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
        """
        with translated(self._where, f"endpoint {endpoint}"):
            try:
                answer = self._client.invoke_endpoint_async(
                    EndpointName=endpoint, InputLocation=input_uri, ContentType=content_type, Accept=accept
                )
            except boto.ClientError as error:
                raise self._explained(error, endpoint) from error
        return Submitted(answer["OutputLocation"], answer.get("FailureLocation") or None)

    def _explained(self, error: boto.ClientError, endpoint: str) -> AwsError:
        code = code_of(error)
        if code == "ModelError":
            response: Any = error.response
            status, said = int(response.get("OriginalStatusCode", 0)), str(response.get("OriginalMessage", ""))
            return ModelError(
                f"the model behind endpoint {endpoint} answered {status}: {printable(said[:500])}",
                status=status,
                said=said,
                remedy=f"Its log: /aws/sagemaker/Endpoints/{endpoint} in account {self._where.account_id}.",
            )
        if code in {"ValidationError", "ValidationException"} and "not found" in json.dumps(
            error.response.get("Error")
        ):
            return NotFoundError(f"endpoint {endpoint} does not exist ({self._where})")
        return from_client_error(error, self._where, f"endpoint {endpoint}")
