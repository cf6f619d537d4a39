"""SageMaker's jobs, described one by one. The queue itself never does that; people who look at a job do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue.aws.errors import Where, translated
from glue.core.training.words import Kind
from glue.errors import AwsError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


class TrainingJobs:
    """The jobs of one account."""

    def __init__(self, client: SageMakerClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def describe(self, kind: Kind, name: str) -> Mapping[str, Any] | None:
        """Return SageMaker's description of a job, None when it has none of this name."""
        calls: Mapping[Kind, Any] = {
            Kind.TRAINING: lambda: self._client.describe_training_job(TrainingJobName=name),
            Kind.PROCESSING: lambda: self._client.describe_processing_job(ProcessingJobName=name),
            Kind.TUNING: lambda: self._client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
        }
        try:
            with translated(self._where, f"{kind} job {name}"):
                answer: Mapping[str, Any] = calls[kind]()
        except NotFoundError:
            return None
        except AwsError as error:
            # SageMaker says a job's absence as a ValidationException: "Requested resource not found."
            if "not found" in error.message.lower() or "could not find" in error.message.lower():
                return None
            raise
        return answer
