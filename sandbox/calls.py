"""One request as the front door sees it: service, operation, protocol, caller, resource."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, Request
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from sandbox.errors import AwsError, Protocol, protocol_of
from sandbox.identity import Principal

# Names in the credential scope of a signature that differ from botocore's name of the service.
_SERVICE_OF_SCOPE = {"monitoring": "cloudwatch", "email": "sesv2", "elasticloadbalancing": "elbv2"}
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")
_FORM_LIMIT = 4 * 1024 * 1024
# Query names that choose an S3 operation; a request has at most one
# (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html).
_NAMES = (
    "accelerate acl analytics attributes cors delete encryption intelligent-tiering inventory legal-hold lifecycle "
    "location logging metrics notification object-lock ownershipControls policy policyStatus publicAccessBlock "
    "replication requestPayment restore retention select tagging torrent uploads versioning versions website "
    "uploadId"
)
_SUBRESOURCES = frozenset(_NAMES.split())


@dataclass
class Call:
    """A request. `service` is botocore's name, empty for an unsigned one; `operation` is AWS's name of the action."""

    environ: dict[str, Any]
    method: str
    path: str  # as sent, percent-encoded
    query: dict[str, str]
    headers: dict[str, str]  # lower-case names
    service: str = ""
    region: str = ""
    access_key_id: str = ""
    session_token: str | None = None
    operation: str = ""
    protocol: Protocol = "rest-json"
    parameters: dict[str, str] = field(default_factory=dict)  # what the operation's URI holds, for REST services
    form: dict[str, str] = field(default_factory=dict)  # of the query protocol
    principal: Principal | None = None
    refusal: AwsError | None = None  # why the request cannot be told from another one

    @property
    def resource(self) -> str:
        """What the access log shows: bucket and key for S3, the path for other REST services."""
        if self.service == "s3":
            return unquote(self.path).lstrip("/")
        return "" if self.protocol in {"query", "ec2", "json", "cbor"} else unquote(self.path)

    @property
    def account_id(self) -> str:
        """The account of the caller; empty when nobody signed."""
        return self.principal.account_id if self.principal else ""

    def body(self) -> bytes:
        """Read the whole body; it can be read again by whoever comes after."""
        data: bytes = self.environ["wsgi.input"].read()
        self.environ["wsgi.input"] = io.BytesIO(data)
        return data


def parse(environ: dict[str, Any]) -> Call:
    """Return what a request is, from its signature, headers and URI; nothing is checked yet."""
    spelled = environ.get(PRESERVED_HEADER_NAMES_ENVIRON_KEY) or {}  # metadata with an underscore in its name
    headers = {
        str(spelled.get(name, name[5:].replace("_", "-"))).lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    query = {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"], keep_blank_values=True).items()}
    raw = str(environ.get("RAW_URI") or environ["PATH_INFO"])
    call = Call(environ, environ["REQUEST_METHOD"], raw.partition("?")[0] or "/", query, headers)
    _read_signature(call)
    _read_operation(call)
    call.refusal = _ambiguity(call)
    return call


def _read_signature(call: Call) -> None:
    match = _CREDENTIAL.search(call.headers.get("authorization", ""))
    if not match:  # a presigned URL carries the same in its query
        match = _CREDENTIAL.search(f"Credential={call.query.get('X-Amz-Credential', '')}")
    if match:
        call.access_key_id, call.region = match[1], match[3]
        call.service = _SERVICE_OF_SCOPE.get(match[4].lower(), match[4].lower())
    elif "AWSAccessKeyId" in call.query and "Signature" in call.query:  # presigned by S3's older signature
        call.access_key_id, call.service = call.query["AWSAccessKeyId"], "s3"
    lower = {name.lower(): value for name, value in call.query.items()}
    call.session_token = call.headers.get("x-amz-security-token") or lower.get("x-amz-security-token")


def _read_operation(call: Call) -> None:
    if "form-urlencoded" in call.headers.get("content-type", "") and call.service != "s3":
        text = call.headers.get("content-length") or ("1" if "transfer-encoding" in call.headers else "0")
        if text.isdecimal() and 0 < int(text) <= _FORM_LIMIT:
            text = call.body().decode("utf-8", errors="replace")
            call.form = {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}
    action = call.form.get("Action") or (call.query.get("Action") if call.service != "s3" else None)
    if not call.service and action and action.startswith("AssumeRoleWith"):
        call.service = "sts"  # these two are not signed: the caller has no credentials yet
    call.protocol = protocol_of(service=call.service, headers=call.headers, has_action=bool(action))
    if action:
        call.operation = action
    elif call.headers.get("x-amz-target"):
        call.operation = call.headers["x-amz-target"].rpartition(".")[2]
    elif call.protocol == "cbor":
        call.operation = call.path.rpartition("/")[2]
    elif call.service:
        call.operation, call.parameters = _rest_operation(call)


def _ambiguity(call: Call) -> AwsError | None:
    """Return an error for a request that two readers could take for two operations, or two resources.

    What is decided about must be what is done: moto looks for the operation in more places than a protocol has
    (https://smithy.io/2.0/aws/protocols/index.html says where each has it), and prefers others than we do.
    """
    protocols = _protocols(call.service) if call.service else None
    if protocols is None:
        return None
    named = _named_by(call)
    spoken = " and ".join(sorted(named))
    rooted = call.path == "/" or named <= {"cbor"} or call.service == "sqs"
    found = [
        (
            len(named) <= 1 and named <= protocols,
            "InvalidAction",
            f"{call.service} takes no operation named by {spoken}",
        ),
        (rooted, "InvalidAction", f"An operation that is named by {spoken} has the path /"),
        (bool(named) or "rest" in protocols, "MissingAction", f"The request to {call.service} names no operation"),
        (call.form.keys().isdisjoint(call.query), "InvalidParameterCombination", "A parameter is there twice"),
        (len(_SUBRESOURCES & call.query.keys()) <= 1 or call.service != "s3", "InvalidArgument", "Conflicting query"),
    ]
    return next((AwsError(code, message, 400) for holds, code, message in found if not holds), None)


def _named_by(call: Call) -> set[str]:
    found = set()
    if "Action" in call.form or "Action" in call.query:
        found.add("query")
    if "x-amz-target" in call.headers:
        found.add("json")
    if call.headers.get("smithy-protocol") == "rpc-v2-cbor":
        found.add("cbor")
    return found


@cache
def _protocols(service: str) -> frozenset[str] | None:
    """Return in which ways a service lets its operations be named; None for a service that is not known."""
    if service == "s3":
        return frozenset({"rest"})
    try:
        metadata = get_service_model(service).metadata
    except Exception:  # noqa: BLE001 (botocore has several; nobody has a rule for such a service)
        return None
    spoken = metadata.get("protocols") or [metadata["protocol"]]
    names = {"smithy-rpc-v2-cbor": "cbor", "rest-json": "rest", "rest-xml": "rest", "ec2": "query"}
    # older SDKs speak what a service once had
    also = {"sqs": {"query", "json"}, "cloudwatch": {"query", "json", "cbor"}}.get(service, set())
    return frozenset({names.get(protocol, protocol) for protocol in spoken} | also)


def _rest_operation(call: Call) -> tuple[str, dict[str, str]]:
    """Return operation and URI parameters by botocore's model of the service; empty when nothing matches."""
    service = call.service
    if service == "sagemaker" and call.path.startswith("/endpoints/"):
        service = call.service = "sagemaker-runtime"
    if service == "s3" and call.path.startswith("/v20180820/"):
        service = call.service = "s3control"
    try:
        operation, parameters = get_service_router(service).match(Request(call.environ))
    except (HTTPException, NotImplementedError, LookupError, ValueError):
        return "", {}
    except Exception as error:
        if type(error).__name__ != "UnknownServiceError":
            raise
        return "", {}
    return str(operation.name), {str(key): str(value) for key, value in parameters.items()}
