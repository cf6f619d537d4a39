"""What already exists in an account under a name that Terraform wants to give: the tags prove whose it is.

Only types whose creation fails when the name is taken are here; all others are written over by the same values.
Import ids: the "Import" section of each resource at https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue.aws.errors import translated
from glue.aws.sagemaker import is_absent
from glue.errors import AwsError, NotFoundError

if TYPE_CHECKING:
    from glue.aws.session import Session

Values = Mapping[str, Any]
Tags = Mapping[str, str]


@dataclass(frozen=True)
class Found:
    """Something that exists. `identity` is what `terraform import` takes; `tags` are its own or its parent's."""

    identity: str
    tags: Tags


class Existing:
    """Looks resources up, with the credentials that Terraform uses."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._clients: dict[str, Any] = {}
        self._lookups: dict[str, Callable[[Values], Found]] = {
            "aws_cloudwatch_log_group": self._log_group,
            "aws_dynamodb_table": self._table,
            "aws_ecr_repository": self._repository,
            "aws_iam_openid_connect_provider": self._identity_provider,
            "aws_iam_policy": self._policy,
            "aws_iam_role": self._role,
            "aws_kms_alias": self._key_alias,
            "aws_lambda_alias": self._function_alias,
            "aws_lambda_event_source_mapping": self._mapping,
            "aws_lambda_function": self._function,
            "aws_lambda_function_url": self._function_url,
            "aws_lambda_permission": self._function_permission,
            "aws_s3_bucket": self._bucket,
            "aws_sagemaker_endpoint": self._endpoint,
            "aws_sagemaker_endpoint_configuration": self._config,
            "aws_sagemaker_model": self._model,
            "aws_sagemaker_model_package_group": self._package_group,
            "aws_scheduler_schedule": self._schedule,
            "aws_scheduler_schedule_group": self._schedule_group,
        }

    @property
    def kinds(self) -> tuple[str, ...]:
        """The resource types that can be looked up."""
        return tuple(self._lookups)

    def find(self, kind: str, values: Values) -> Found | None:
        """Return what has the name that `values` (planned attributes) give, None when nothing has, or it is not known.

        Raises AccessDeniedError and AwsError: only a true "not found" means absent.
        """
        lookup = self._lookups.get(kind)
        if lookup is None:
            return None
        try:
            with translated(self._session.where(kind.split("_")[1]), f"the {kind} that terraform wants to create"):
                return lookup(values)
        except (NotFoundError, KeyError):  # KeyError: the name is not known before the apply
            return None
        except AwsError as error:
            if is_absent(error) or "NoSuchEntity" in error.message or "ValidationException" in error.message:
                return None
            raise

    def key_of_alias(self, alias: str) -> Found | None:
        """Return the key behind an alias, None when there is no such alias."""
        try:
            with translated(self._session.where("kms"), f"key {alias}"):
                key = self._client("kms").describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
                tags = self._client("kms").list_resource_tags(KeyId=key)["Tags"]
        except NotFoundError:
            return None
        except AwsError as error:
            if "NotFoundException" in error.message:
                return None
            raise
        return Found(key, {tag["TagKey"]: tag["TagValue"] for tag in tags})

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]

    def _arn(self, service: str, resource: str) -> str:
        where = self._session.environment
        region = "" if service == "iam" else where.region
        return f"arn:aws:{service}:{region}:{where.account_id}:{resource}"

    def _log_group(self, values: Values) -> Found:
        name = values["name"]
        tags = self._client("logs").list_tags_for_resource(resourceArn=self._arn("logs", f"log-group:{name}"))
        return Found(name, tags["tags"])

    def _repository(self, values: Values) -> Found:
        client = self._client("ecr")
        found = client.describe_repositories(repositoryNames=[values["name"]])["repositories"][0]
        return Found(values["name"], _tags(client.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]))

    def _identity_provider(self, values: Values) -> Found:
        arn = self._arn("iam", f"oidc-provider/{values['url'].removeprefix('https://')}")
        return Found(arn, _tags(self._client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["Tags"]))

    def _policy(self, values: Values) -> Found:
        arn = self._arn("iam", f"policy{values.get('path') or '/'}{values['name']}")
        return Found(arn, _tags(self._client("iam").get_policy(PolicyArn=arn)["Policy"].get("Tags", [])))

    def _role(self, values: Values) -> Found:
        role = self._client("iam").get_role(RoleName=values["name"])["Role"]
        return Found(values["name"], _tags(role.get("Tags", [])))

    def _key_alias(self, values: Values) -> Found:
        found = self.key_of_alias(values["name"])
        if found is None:
            raise KeyError(values["name"])
        return Found(values["name"], found.tags)

    def _table(self, values: Values) -> Found:
        client, name = self._client("dynamodb"), values["name"]
        client.describe_table(TableName=name)
        tags = client.list_tags_of_resource(ResourceArn=self._arn("dynamodb", f"table/{name}"))
        return Found(name, _tags(tags["Tags"]))

    def _schedule_group(self, values: Values) -> Found:
        client, name = self._client("scheduler"), values["name"]
        client.get_schedule_group(Name=name)
        tags = client.list_tags_for_resource(ResourceArn=self._arn("scheduler", f"schedule-group/{name}"))
        return Found(name, _tags(tags["Tags"]))

    def _schedule(self, values: Values) -> Found:
        group, name = values["group_name"], values["name"]
        self._client("scheduler").get_schedule(GroupName=group, Name=name)
        return Found(f"{group}/{name}", self._schedule_group({"name": group}).tags)  # schedules have no tags

    def _mapping(self, values: Values) -> Found:
        source, function = values["event_source_arn"], values["function_name"]
        asked = {"EventSourceArn": source, "FunctionName": function}
        found = self._client("lambda").list_event_source_mappings(**asked)["EventSourceMappings"]
        if not found:
            raise KeyError(function)
        return Found(found[0]["UUID"], self._function(values).tags)

    def _function(self, values: Values) -> Found:
        found = self._client("lambda").get_function(FunctionName=values["function_name"])
        return Found(values["function_name"], found.get("Tags", {}))

    def _function_alias(self, values: Values) -> Found:
        function, name = values["function_name"], values["name"]
        self._client("lambda").get_alias(FunctionName=function, Name=name)
        return Found(f"{function}/{name}", self._function(values).tags)

    def _function_url(self, values: Values) -> Found:
        function, qualifier = values["function_name"], values.get("qualifier")
        chosen = {"Qualifier": qualifier} if qualifier else {}
        self._client("lambda").get_function_url_config(FunctionName=function, **chosen)
        return Found(f"{function}/{qualifier}" if qualifier else function, self._function(values).tags)

    def _function_permission(self, values: Values) -> Found:
        function, qualifier, statement = values["function_name"], values.get("qualifier"), values["statement_id"]
        chosen = {"Qualifier": qualifier} if qualifier else {}
        policy = self._client("lambda").get_policy(FunctionName=function, **chosen)["Policy"]
        if f'"{statement}"' not in policy:
            raise KeyError(statement)
        place = f"{function}:{qualifier}" if qualifier else function
        return Found(f"{place}/{statement}", self._function(values).tags)

    def _bucket(self, values: Values) -> Found:
        client = self._client("s3")
        owner = self._session.environment.account_id
        client.head_bucket(Bucket=values["bucket"], ExpectedBucketOwner=owner)
        try:
            with translated(self._session.where("s3"), f"bucket {values['bucket']}"):
                tags = client.get_bucket_tagging(Bucket=values["bucket"], ExpectedBucketOwner=owner)["TagSet"]
        except NotFoundError:
            tags = []
        return Found(values["bucket"], _tags(tags))

    def _endpoint(self, values: Values) -> Found:
        arn = self._client("sagemaker").describe_endpoint(EndpointName=values["name"])["EndpointArn"]
        return self._sagemaker(values["name"], arn)

    def _config(self, values: Values) -> Found:
        answer = self._client("sagemaker").describe_endpoint_config(EndpointConfigName=values["name"])
        return self._sagemaker(values["name"], answer["EndpointConfigArn"])

    def _model(self, values: Values) -> Found:
        return self._sagemaker(
            values["name"], self._client("sagemaker").describe_model(ModelName=values["name"])["ModelArn"]
        )

    def _package_group(self, values: Values) -> Found:
        name = values["model_package_group_name"]
        answer = self._client("sagemaker").describe_model_package_group(ModelPackageGroupName=name)
        return self._sagemaker(name, answer["ModelPackageGroupArn"])

    def _sagemaker(self, name: str, arn: str) -> Found:
        return Found(name, _tags(self._client("sagemaker").list_tags(ResourceArn=arn)["Tags"]))


def _tags(pairs: list[Mapping[str, str]]) -> Tags:
    """Return tags as a map; services write the keys in either case."""
    return {pair.get("Key", pair.get("key", "")): pair.get("Value", pair.get("value", "")) for pair in pairs}
