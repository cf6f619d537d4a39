"""OpenID Connect providers: clients are added and taken away, as Terraform does when an audience changes.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html and
https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveClientIDFromOpenIDConnectProvider.html; moto has neither.
Both answer alike when there is nothing to do.
"""

from __future__ import annotations

import uuid
from typing import Any

from moto.iam.models import iam_backends
from werkzeug.wrappers import Response

from sandbox.calls import Call
from sandbox.door import on_service
from sandbox.errors import AwsError
from sandbox.settings import Settings

_ADD, _REMOVE = "AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider"
_MOST_CLIENTS = 100


def install(settings: Settings) -> None:
    """Answer the two operations."""
    del settings
    on_service("iam", _handle)


def _handle(call: Call) -> Response | None:
    if call.operation not in {_ADD, _REMOVE}:
        return None
    form = {**call.query, **call.form}
    arn, client = form.get("OpenIDConnectProviderArn", ""), form.get("ClientID", "")
    provider: Any = iam_backends[call.account_id]["aws"].open_id_providers.get(arn)
    if provider is None:
        raise AwsError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404)
    if not 1 <= len(client) <= 255:
        raise AwsError("ValidationError", "The client ID must have 1 to 255 characters.")
    others = [one for one in provider.client_id_list if one != client]
    if call.operation == _ADD and len(others) >= _MOST_CLIENTS:
        raise AwsError(
            "LimitExceeded", f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {_MOST_CLIENTS}", 409
        )
    provider.client_id_list = [*others, client] if call.operation == _ADD else others
    return Response(
        f'<{call.operation}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>'
        f"{uuid.uuid4()}</RequestId></ResponseMetadata></{call.operation}Response>",
        content_type="text/xml",
    )
