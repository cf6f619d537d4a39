"""Functions, versions and aliases as AWS describes them.

moto drops DeadLetterConfig, LoggingConfig, SnapStart and FileSystemConfigs, shows null for what is not set, forgets
half of UpdateFunctionConfiguration, and publishes a new version although nothing changed.
https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
"""

from __future__ import annotations

import copy
import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse

from sandbox.ext.lambda_common import answer, backend, names, patch
from sandbox.settings import Settings

EXTRA = ("DeadLetterConfig", "FileSystemConfigs", "LoggingConfig", "SnapStart")
_originals: dict[str, Callable[..., Any]] = {}


def install(settings: Settings) -> None:
    """Wrap moto's function object; replace publishing and the answers for aliases."""
    del settings
    ours = {
        "__init__": _init,
        "get_configuration": _get_configuration,
        "update_configuration": _update_configuration,
        "get_code": _get_code,
    }
    for name, function in ours.items():
        original = getattr(LambdaFunction, name)
        if original is not function:
            _originals[name] = original
            setattr(LambdaFunction, name, function)
    LambdaBackend.publish_version = publish_version
    patch(LambdaResponse, delete_alias, get_alias, update_alias, create_alias)


def publish_version(self: Any, function_name: str, description: str = "") -> Any:
    """PublishVersion: no new version when code and settings are those of the last one; numbers are never used again.

    https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
    """
    latest = self._lambdas.get_function_by_name_or_arn_forbid_qualifier(function_name)
    group = self._lambdas._functions[latest.function_name]
    versions = group["versions"]
    mark = _fingerprint(latest)
    if versions and versions[-1].mark == mark:
        return versions[-1]
    group["number"] = group.get("number", 0) + 1
    version = copy.copy(latest)
    version.extra = dict(latest.extra)
    version.url_config = None
    version.set_version(group["number"])
    version.revision_id = str(uuid.uuid4())
    version.mark = mark
    if description:
        version.description = description
    versions.append(version)
    self._lambdas._arns[version.function_arn] = version
    return version


def create_alias(self: Any) -> Any:
    """CreateAlias."""
    _, _, function_name, _ = names(self)
    request = json.loads(self.body)
    alias = backend(self).create_alias(
        name=request["Name"],
        function_name=function_name,
        function_version=request["FunctionVersion"],
        description=request.get("Description", ""),
        routing_config=request.get("RoutingConfig"),
    )
    return answer(201, _alias(alias))


def get_alias(self: Any) -> Any:
    """GetAlias: 200 (moto answers 201)."""
    return answer(200, _alias(_alias_of(self)))


def update_alias(self: Any) -> Any:
    """UpdateAlias: what is not sent stays; the version must exist."""
    alias = _alias_of(self)
    request = json.loads(self.body)
    version = request.get("FunctionVersion")
    if version is not None:
        backend(self).get_function(names(self)[2], version)
        alias.function_version = version
    if request.get("Description") is not None:
        alias.description = request["Description"]
    if "RoutingConfig" in request:
        weights = (request["RoutingConfig"] or {}).get("AdditionalVersionWeights")
        alias.routing_config = request["RoutingConfig"] if weights else None
    alias.revision_id = str(uuid.uuid4())
    return answer(200, _alias(alias))


def delete_alias(self: Any) -> Any:
    """DeleteAlias: 204, also when there is none."""
    _, _, function_name, _ = names(self)
    backend(self).delete_alias(name=_alias_name(self), function_name=function_name)
    return answer(204, None)


def _alias_of(response: Any) -> Any:
    _, _, function_name, _ = names(response)
    return backend(response).get_alias(name=_alias_name(response), function_name=function_name)


def _alias_name(response: Any) -> str:
    return unquote(response.path.rstrip("/").rpartition("/")[2])


def _alias(alias: Any) -> dict[str, Any]:
    return {key: value for key, value in alias.to_json().items() if value is not None}


def _init(self: Any, account_id: str, spec: dict[str, Any], region: str, *rest: Any, **named: Any) -> None:
    _originals["__init__"](self, account_id, spec, region, *rest, **named)
    self.extra = {key: spec[key] for key in EXTRA if spec.get(key)}
    self.revision_id = str(uuid.uuid4())


def _get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = _originals["get_configuration"](self, on_create)
    logging_config = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}"}
    shown["LoggingConfig"] = {**logging_config, **self.extra.get("LoggingConfig", {})}
    for key in ("DeadLetterConfig", "FileSystemConfigs"):
        if self.extra.get(key):
            shown[key] = self.extra[key]
    if self.extra.get("SnapStart"):
        shown["SnapStart"] = {"OptimizationStatus": "Off", **self.extra["SnapStart"]}
    shown["RevisionId"] = self.revision_id
    shown["LastUpdateStatus"] = "Successful"
    if not shown.get("Layers"):
        shown.pop("Layers", None)
    return {key: value for key, value in shown.items() if value is not None}


def _update_configuration(self: Any, updates: dict[str, Any]) -> dict[str, Any]:
    """UpdateFunctionConfiguration: every setting, not only those that moto knows."""
    known = dict(updates)
    environment = known.pop("Environment", None)
    if environment is not None:
        self.environment_vars = environment.get("Variables") or {}
    for key in EXTRA:
        if key in known:
            self.extra = {**self.extra, key: known.pop(key)}
    if self.extra.get("DeadLetterConfig") == {"TargetArn": ""}:
        self.extra = {key: value for key, value in self.extra.items() if key != "DeadLetterConfig"}
    for key, attribute in (("KMSKeyArn", "kms_key_arn"), ("TracingConfig", "tracing_config")):
        if key in known:
            setattr(self, attribute, known.pop(key) or None)
    if "EphemeralStorage" in known:
        self.ephemeral_storage = known.pop("EphemeralStorage")["Size"]
    if self.tracing_config is None:
        self.tracing_config = {"Mode": "PassThrough"}
    self.revision_id = str(uuid.uuid4())
    changed: dict[str, Any] = _originals["update_configuration"](self, known)
    return changed


def _get_code(self: Any) -> dict[str, Any]:
    shown: dict[str, Any] = _originals["get_code"](self)
    if self.reserved_concurrency is not None:  # moto forgets a reservation of 0
        shown["Concurrency"] = {"ReservedConcurrentExecutions": int(self.reserved_concurrency)}
    return shown


def _fingerprint(function: Any) -> str:
    """What makes a version: everything but names, times and revisions."""
    shown = function.get_configuration()
    for key in ("FunctionArn", "Version", "LastModified", "RevisionId", "LastUpdateStatus", "Description"):
        shown.pop(key, None)
    return hashlib.sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()
