"""The use of KMS keys that a service makes for its caller: the caller needs the permission, and the key says by whom.

https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.kms.models import kms_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.ssm.models import ssm_backends

from sandbox.calls import Call
from sandbox.errors import AwsError
from sandbox.iam import resource_policies, templates
from sandbox.s3 import encryption, keys

_ENCRYPT, _DECRYPT, _GENERATE = "kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"


@dataclass(frozen=True)
class KeyUse:
    """One permission on one key, through a service (`s3`, `sqs`, ...)."""

    action: str
    key_arn: str
    service: str
    encryption_context: Mapping[str, str]


def find(call: Call, parameters: Mapping[str, Any], scope: templates.Scope) -> Iterator[KeyUse]:
    """Yield the keys that an operation uses. Keys that AWS manages are open to their own account, and to no other.

    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk
    """
    finder = _FINDERS.get(call.service)
    if finder is None:
        return
    for use in finder(call, parameters, scope):
        is_own = use.key_arn.split(":")[4] == call.account_id
        if not (is_own and _is_managed_by_aws(use.key_arn)):
            yield use


def _is_managed_by_aws(arn: str) -> bool:
    _, _, _, region, account, resource = arn.split(":", 5)
    if resource.startswith("alias/aws/"):
        return True
    key: Any = kms_backends[account][region].keys.get(resource.removeprefix("key/"))
    return key is not None and (key.key_manager == "AWS" or any(name.startswith("alias/aws/") for name in key.aliases))


# What each S3 operation does with the key of its object:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions and UsingKMSEncryption.html
def _s3(call: Call, parameters: Mapping[str, Any], scope: templates.Scope) -> Iterator[KeyUse]:
    del scope
    bucket = resource_policies.bucket(str(parameters.get("Bucket", "")))
    name = str(parameters.get("Key", ""))
    if bucket is None or not name:
        return
    if "source" in parameters:
        source = parameters["source"]
        origin = resource_policies.bucket(source["Bucket"])
        if origin is not None:
            yield from _of_object(origin, source["Key"], source.get("VersionId"))
    if call.operation in {"PutObject", "CopyObject", "CreateMultipartUpload"}:
        yield from _of_new(call, bucket, name)
    elif call.operation in {"UploadPart", "UploadPartCopy", "CompleteMultipartUpload"}:
        upload = bucket.multiparts.get(str(parameters.get("UploadId", "")))
        if upload is not None and upload.kms_key_id:
            yield _s3_use(_DECRYPT, bucket, name, upload.kms_key_id, with_bucket_key=bool(upload.bucket_key_enabled))
    elif call.operation == "GetObject" or _reads_checksum(call):
        yield from _of_object(bucket, name, parameters.get("VersionId"))


def _reads_checksum(call: Call) -> bool:
    """Other reads need the key for a checksum only (HeadObject, x-amz-checksum-mode)."""
    if call.operation == "HeadObject":
        return call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    if call.operation == "GetObjectAttributes":
        return "Checksum" in call.headers.get("x-amz-object-attributes", "")
    return False


def _of_object(bucket: Any, name: str, version_id: str | None) -> Iterator[KeyUse]:
    found = keys.version(bucket, name, version_id) if version_id else keys.current(bucket, name)
    if isinstance(found, keys.StoredKey) and found.kms_key_id:
        yield _s3_use(_DECRYPT, bucket, name, found.kms_key_id, with_bucket_key=bool(found.bucket_key_enabled))


def _of_new(call: Call, bucket: Any, name: str) -> Iterator[KeyUse]:
    try:
        _, arn, with_bucket_key = encryption.choose(bucket, call.headers, account_id=call.account_id)
    except AwsError:
        return  # the operation itself answers so
    if arn:
        yield _s3_use(_GENERATE, bucket, name, arn, with_bucket_key=bool(with_bucket_key))


def _s3_use(action: str, bucket: Any, name: str, key_arn: str, *, with_bucket_key: bool) -> KeyUse:
    arn = f"arn:aws:s3:::{bucket.name}" if with_bucket_key else f"arn:aws:s3:::{bucket.name}/{name}"
    return KeyUse(action, key_arn, "s3", {"aws:s3:arn": arn})


def _named(name: str | None, scope: templates.Scope, account: str) -> str | None:
    """Return the ARN of a key that a resource names by id, alias or ARN."""
    if not name or "alias/aws/" in name:
        return None
    return templates.text("{Key|key}", templates.Scope(account, scope.region, {"Key": name}, {}))


def _sqs(call: Call, parameters: Mapping[str, Any], scope: templates.Scope) -> Iterator[KeyUse]:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html"""
    del parameters
    actions = {
        "SendMessage": (_GENERATE, _DECRYPT),
        "SendMessageBatch": (_GENERATE, _DECRYPT),
        "ReceiveMessage": (_DECRYPT,),
    }.get(call.operation)
    arn = templates.text("{QueueUrl|queue}", scope) if actions else None
    if not actions or not arn:
        return
    account, name = arn.split(":")[4:]
    queue: Any = sqs_backends[account][scope.region].queues.get(name)
    if key := _named(getattr(queue, "kms_master_key_id", None), scope, account):
        for action in actions:
            yield KeyUse(action, key, "sqs", {"aws:sqs:arn": arn})


def _sns(call: Call, parameters: Mapping[str, Any], scope: templates.Scope) -> Iterator[KeyUse]:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html"""
    arn = str(parameters.get("TopicArn") or parameters.get("TargetArn") or "")
    if call.operation not in {"Publish", "PublishBatch"} or arn.count(":") != 5:
        return
    yield from of_topic(arn, scope)


def of_topic(arn: str, scope: templates.Scope) -> Iterator[KeyUse]:
    """Yield what publishing to a topic does with its key."""
    _, _, _, region, account, _ = arn.split(":", 5)
    topic: Any = sns_backends[account][region].topics.get(arn)
    if key := _named(getattr(topic, "kms_master_key_id", None), scope, account):
        for action in (_GENERATE, _DECRYPT):
            yield KeyUse(action, key, "sns", {"aws:sns:topicArn": arn})


def _ssm(call: Call, parameters: Mapping[str, Any], scope: templates.Scope) -> Iterator[KeyUse]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html"""
    if call.operation == "PutParameter":
        if parameters.get("Type") == "SecureString" and (key := _named(parameters.get("KeyId"), scope, scope.account)):
            action = _GENERATE if parameters.get("Tier") == "Advanced" else _ENCRYPT
            yield KeyUse(action, key, "ssm", {"PARAMETER_ARN": _parameter_arn(parameters.get("Name"), scope)})
        return
    if str(parameters.get("WithDecryption")).lower() != "true":
        return
    backend: Any = ssm_backends[scope.account][scope.region]
    names = parameters.get("Names") or ([parameters["Name"]] if parameters.get("Name") else [])
    if call.operation == "GetParametersByPath":
        path = str(parameters.get("Path", "")).rstrip("/") + "/"
        names = [name for name in list(backend._parameters) if f"/{name.lstrip('/')}".startswith(path)]
    for name in names:
        short = backend._parameters.normalize_name(str(name).rpartition(":parameter")[2].partition(":")[0])
        versions = backend._parameters.get(short) or []
        for one in versions[-1:]:
            if one.parameter_type == "SecureString" and (key := _named(one.keyid, scope, scope.account)):
                yield KeyUse(_DECRYPT, key, "ssm", {"PARAMETER_ARN": _parameter_arn(one.name, scope)})


def _parameter_arn(name: Any, scope: templates.Scope) -> str:
    return templates.text("{Name|parameter}", templates.Scope(scope.account, scope.region, {"Name": name}, {})) or "*"


_ITEMS = frozenset(
    {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem"}
)


def _dynamodb(call: Call, parameters: Mapping[str, Any], scope: templates.Scope) -> Iterator[KeyUse]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"""
    if call.operation == "CreateTable":
        wanted = (parameters.get("SSESpecification") or {}).get("KMSMasterKeyId")
        if key := _named(wanted, scope, scope.account):
            context = _table_context(str(parameters.get("TableName")), scope.account)
            for action in ("kms:CreateGrant", "kms:DescribeKey", _GENERATE, _DECRYPT, _ENCRYPT):
                yield KeyUse(action, key, "dynamodb", context)
        return
    if call.operation not in _ITEMS and not call.operation.startswith("Transact"):
        return
    for name in _tables(parameters):
        arn = templates.text("{Name|table}", templates.Scope(scope.account, scope.region, {"Name": name}, {})) or ""
        account = arn.split(":")[4]
        table: Any = dynamodb_backends[account][scope.region].tables.get(arn.rpartition("/")[2])
        wanted = (getattr(table, "sse_specification", None) or {}).get("KMSMasterKeyId")
        if key := _named(wanted, scope, account):
            yield KeyUse(_DECRYPT, key, "dynamodb", _table_context(table.name, account))


def _tables(parameters: Mapping[str, Any]) -> set[str]:
    named = {str(parameters["TableName"])} if parameters.get("TableName") else set()
    named |= {str(name) for name in parameters.get("RequestItems") or ()}
    for entry in parameters.get("TransactItems") or ():
        named |= {str(one["TableName"]) for one in entry.values() if isinstance(one, dict) and "TableName" in one}
    return named


def _table_context(name: str, account: str) -> dict[str, str]:
    return {"aws:dynamodb:tableName": name, "aws:dynamodb:subscriberId": account}


def _lambda(call: Call, parameters: Mapping[str, Any], scope: templates.Scope) -> Iterator[KeyUse]:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html"""
    if call.operation not in {"CreateFunction", "UpdateFunctionConfiguration"}:
        return
    if key := _named(parameters.get("KMSKeyArn"), scope, scope.account):
        name = templates.text("{FunctionName|function}", scope) or ""
        for action in ("kms:CreateGrant", _ENCRYPT):
            yield KeyUse(action, key, "lambda", {"aws:lambda:FunctionArn": name})


_Finder = Callable[[Call, Mapping[str, Any], templates.Scope], Iterator[KeyUse]]
_FINDERS: dict[str, _Finder] = {
    "dynamodb": _dynamodb,
    "lambda": _lambda,
    "s3": _s3,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
}
