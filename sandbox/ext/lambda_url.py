"""Function URLs: a config for each qualifier, and a way to call them through the sandbox's own address.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.awslambda import urls as paths
from moto.awslambda.responses import LambdaResponse

from sandbox.ext.lambda_common import answer, backend, conflict, function_arn, invalid, names, not_found, patch
from sandbox.settings import Settings

LIST_PATH = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/urls/?$"


@dataclass
class FunctionUrl:
    """One URL. It lives on moto's group of the function's versions."""

    identifier: str
    region: str
    function_arn: str
    config: dict[str, Any]
    created: str
    modified: str

    def shown(self) -> dict[str, Any]:
        """As GetFunctionUrlConfig shows it."""
        described = {
            "FunctionUrl": f"https://{self.identifier}.lambda-url.{self.region}.on.aws/",
            "FunctionArn": self.function_arn,
            "AuthType": self.config["AuthType"],
            "Cors": self.config.get("Cors"),
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "InvokeMode": self.config.get("InvokeMode") or "BUFFERED",
        }
        return {key: value for key, value in described.items() if value is not None}


def install(settings: Settings) -> None:
    """Replace moto's URL operations, which know no qualifier."""
    del settings
    paths.url_paths[LIST_PATH] = LambdaResponse.dispatch
    patch(
        LambdaResponse,
        create_function_url_config,
        get_function_url_config,
        update_function_url_config,
        delete_function_url_config,
        list_function_url_configs,
    )


def create_function_url_config(self: Any) -> Any:
    """CreateFunctionUrlConfig: for the function or one of its aliases, not for a version."""
    urls, qualifier = _urls(self)
    _, region, _, _ = names(self)
    if qualifier.isdecimal() or qualifier == "$LATEST":
        raise invalid("A function URL belongs to the function itself or to an alias.")
    if qualifier in urls:
        raise conflict(f"FunctionUrlConfig exists for this Lambda function {function_arn(self)}")
    config = json.loads(self.body)
    if config.get("AuthType") not in {"AWS_IAM", "NONE"}:
        raise invalid("AuthType must be AWS_IAM or NONE.")
    now = _now()
    identifier = (uuid.uuid4().hex + uuid.uuid4().hex)[:32]
    made = urls[qualifier] = FunctionUrl(identifier, region, function_arn(self), config, now, now)
    return answer(201, made.shown())


def get_function_url_config(self: Any) -> Any:
    """GetFunctionUrlConfig."""
    return answer(200, _url(self).shown())


def update_function_url_config(self: Any) -> Any:
    """UpdateFunctionUrlConfig: what is not sent stays."""
    url = _url(self)
    url.config = {**url.config, **json.loads(self.body)}
    url.modified = _now()
    return answer(200, url.shown())


def delete_function_url_config(self: Any) -> Any:
    """DeleteFunctionUrlConfig."""
    urls, qualifier = _urls(self)
    _url(self)
    del urls[qualifier]
    return answer(204, None)


def list_function_url_configs(self: Any) -> Any:
    """ListFunctionUrlConfigs."""
    urls, _ = _urls(self)
    return answer(200, {"FunctionUrlConfigs": [url.shown() for _, url in sorted(urls.items())]})


def _url(response: Any) -> FunctionUrl:
    urls, qualifier = _urls(response)
    if qualifier not in urls:
        raise not_found("The resource you requested does not exist.")
    return urls[qualifier]


def _urls(response: Any) -> tuple[dict[str, FunctionUrl], str]:
    """The URLs of the function by qualifier ("" for the function itself)."""
    _, _, name, qualifier = names(response)
    group = backend(response)._lambdas._functions.get(name)
    if group is None:
        raise not_found(f"Function does not exist: {function_arn(response)}")
    if qualifier:
        backend(response).get_function(name, qualifier)  # raises ResourceNotFoundException
    urls: dict[str, FunctionUrl] = group.setdefault("urls", {})
    return urls, qualifier or ""


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
