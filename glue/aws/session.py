"""Clients of one environment, in one of its roles. `glue.aws.accounts` makes the sessions."""

# ruff: noqa: PLC0415 - boto3 and its parts cost 0.4 s to import: only commands that talk to AWS pay for them
from __future__ import annotations

import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from glue.aws.autoscaling import AutoScaling
from glue.aws.clients import CallCounter, usable_endpoint
from glue.aws.cloudwatch import CloudWatch
from glue.aws.dynamodb import Table
from glue.aws.ecr import Registry
from glue.aws.errors import Where, translated
from glue.aws.function_url import FunctionUrl, address
from glue.aws.functions import Functions
from glue.aws.kms import Keys
from glue.aws.logs import Logs
from glue.aws.runtime import Runtime
from glue.aws.s3 import Bucket
from glue.aws.sagemaker import SageMaker
from glue.aws.sns import Topics
from glue.aws.sqs import Queues
from glue.aws.ssm import Parameters
from glue.aws.training_jobs import TrainingJobs
from glue.core import names
from glue.core.environment import Environment, Neighbour

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config

_FUNCTION_S = 910  # a function answers within a quarter of an hour


class Session:
    """Clients of one environment. Facades are made once, when they are first asked for.

    `assumed` is the environment's role that was assumed for it, None when it works with the caller's credentials as
    they are. `caller` is the ARN behind it, `principal` that of the credentials before any role was assumed.
    """

    def __init__(
        self,
        session: boto3.Session,
        *,
        environment: Environment,
        caller: str,
        assumed: str | None = None,
        principal: str | None = None,
        config: Config,
        calls: CallCounter,
    ) -> None:
        self.environment = environment
        self.caller = caller
        self.principal = principal or caller
        self.assumed = assumed
        self.calls = calls
        self._session = session
        self._config = config
        # Making a client is not thread-safe, using one is
        # (https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients).
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str, str], Bucket] = {}
        self._clients: list[Any] = []

    def __repr__(self) -> str:
        return f"Session({self.environment.name}, {self.caller})"

    def where(self, service: str, region: str | None = None) -> Where:
        """Return what errors of a service's calls say."""
        own = self.environment
        return Where(own.account_id, region or own.region, self.caller, service, own.prefix)

    def client(self, service: str, *, region: str | None = None, config: Config | None = None) -> Any:
        """Return a new client. Everything outside this package uses the facades below."""
        with self._lock, translated(self.where(service, region), f"a client for {service}"):
            merged = self._config.merge(config) if config else self._config
            make: Any = self._session.client
            with usable_endpoint():
                client = make(service, region_name=region or self.environment.region, config=merged)
            self._clients.append(client)
            return client

    def refresh(self) -> None:
        """Renew credentials that end within a quarter of an hour, as botocore does before each call."""
        with translated(self.where("sts"), self.caller):
            found = self._session.get_credentials()
            if found is not None:
                found.get_frozen_credentials()

    def close(self) -> None:
        """Close the connections of all clients."""
        for client in self._clients:
            client.close()

    def bucket(self, name: str, *, owner: str, region: str | None = None, key_arn: str | None = None) -> Bucket:
        """Return a bucket, which must belong to the account `owner`. `key_arn` encrypts what is written."""
        where = self.where("s3", region)
        known = (name, where.region, key_arn or "")
        if known not in self._buckets:
            client = self.client("s3", region=where.region)
            self._buckets[known] = Bucket(client, name=name, owner=owner, where=where, key_arn=key_arn)
        return self._buckets[known]

    def artifacts(self, of: Environment | Neighbour | None = None) -> Bucket:
        """Return this environment's artifact bucket, or another's as this environment's role sees it.

        One's own is written with the key that the foundation publishes; another's is only read.
        """
        own = self.environment
        if of is None or of.name == own.name:
            key = self.parameters.foundation(own).artifact_key_arn
            return self.bucket(own.artifact_bucket, owner=own.account_id, key_arn=key)
        name = names.artifact_bucket(own.project, of.name, of.account_id)
        return self.bucket(name, owner=of.account_id, region=of.region)

    @cached_property
    def keys(self) -> Keys:
        """KMS: signatures."""
        return Keys(self.client("kms"), where=self.where("kms"))

    def verifying(self, region: str) -> Keys:
        """KMS in another environment's region: a request must go to the region of the key."""
        if region == self.environment.region:
            return self.keys
        return Keys(self.client("kms", region=region), where=self.where("kms", region))

    @cached_property
    def topics(self) -> Topics:
        """SNS: telling people."""
        return Topics(self.client("sns"), where=self.where("sns"))

    @cached_property
    def parameters(self) -> Parameters:
        """SSM: what the foundation publishes."""
        return Parameters(self.client("ssm"), where=self.where("ssm"))

    @cached_property
    def registry(self) -> Registry:
        """ECR in this account."""
        return Registry(self.client("ecr"), where=self.where("ecr"))

    @cached_property
    def sagemaker(self) -> SageMaker:
        """SageMaker: endpoints, configs, models, model packages."""
        return SageMaker(self.client("sagemaker"), where=self.where("sagemaker"))

    @cached_property
    def autoscaling(self) -> AutoScaling:
        """Application Auto Scaling: how variants are scaled."""
        return AutoScaling(self.client("application-autoscaling"), where=self.where("application-autoscaling"))

    @cached_property
    def cloudwatch(self) -> CloudWatch:
        """CloudWatch: own metrics, states of alarms."""
        return CloudWatch(self.client("cloudwatch"), where=self.where("cloudwatch"))

    @cached_property
    def functions(self) -> Functions:
        """Lambda: calling a function, which may take its whole quarter of an hour."""
        from botocore.config import Config

        config = Config(read_timeout=_FUNCTION_S, retries={"mode": "standard", "total_max_attempts": 1})
        return Functions(self.client("lambda", config=config), where=self.where("lambda"))

    def function_url(self, url: str) -> FunctionUrl:
        """Return a function's URL, called with this session's credentials."""
        from botocore.httpsession import URLLib3Session
        from botocore.utils import get_environ_proxies

        client = self.client("lambda")
        base: Any = self._session._session
        http = URLLib3Session(
            verify=base.get_config_variable("ca_bundle") or True,
            proxies=get_environ_proxies(address(url, client.meta.endpoint_url)),
            timeout=_FUNCTION_S,
        )
        self._clients.append(http)
        return FunctionUrl(
            url,
            endpoint=client.meta.endpoint_url,
            credentials=self._frozen,
            http=http,
            where=self.where("lambda"),
        )

    def _frozen(self) -> Any:
        """Return the credentials as they are now, renewed when they are about to end."""
        with translated(self.where("sts"), self.caller):
            found = self._session.get_credentials()
            return None if found is None else found.get_frozen_credentials()

    def table(self, name: str) -> Table:
        """Return a DynamoDB table of this account."""
        return Table(self.client("dynamodb"), name=name, where=self.where("dynamodb"), sleep=time.sleep)

    @cached_property
    def queues(self) -> Queues:
        """SQS: depths, dead letters."""
        return Queues(self.client("sqs"), where=self.where("sqs"))

    @cached_property
    def logs(self) -> Logs:
        """CloudWatch Logs: what jobs wrote."""
        return Logs(self.client("logs"), where=self.where("logs"))

    @cached_property
    def training_jobs(self) -> TrainingJobs:
        """SageMaker: descriptions of jobs."""
        return TrainingJobs(self.client("sagemaker"), where=self.where("sagemaker"))

    @cached_property
    def runtime(self) -> Runtime:
        """SageMaker's runtime: invoking endpoints."""
        from botocore.config import Config

        # An endpoint answers within 60 s or not at all; asking again would hide a slow model.
        config = Config(read_timeout=70, retries={"mode": "standard", "total_max_attempts": 2})
        return Runtime(self.client("sagemaker-runtime", config=config), where=self.where("sagemaker"))
