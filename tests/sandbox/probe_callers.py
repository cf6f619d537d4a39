"""Who makes the probes' calls: sessions of the estate's real roles, people of other accounts, and forgers.

Nobody signs in to an execution or invoker role; only its service does. For a moment an administrator lets itself in,
takes a session, and puts the trust policy back: what the session may do is the role's own.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from scripts.probes import Probes
from tests.sandbox.estate import REPOSITORY, Estate

REGION = "eu-west-1"
ACCOUNTS = {"dev": "111111111111", "qa": "222222222222", "production": "333333333333"}
WORKLOADS = {"execution": "ranker-execution", "invoker": "ranker-invoker", "caller": "ranker-caller-search"}
WORKLOADS |= {
    f"queue-{name}": f"training-{name}" for name in ("submit", "launch", "monitor", "finish", "release", "schedule")
}
# Callers that have no session of their own: whose key they use, and what is wrong with it.
FORGERS = {"wrong secret", "late signature", "mixed token", "unknown key"}
_QUICK = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, s3={"addressing_style": "path"})
_OPEN = _QUICK.merge(Config(signature_version=UNSIGNED))


@dataclass(frozen=True)
class Keys:
    """What a caller signs with."""

    access_key_id: str
    secret: str
    token: str | None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Keys:
        """Return the keys of an answer of STS."""
        found = answer["Credentials"]
        return cls(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


class Callers:
    """Clients for everybody whom the probes name; each session and each client is made once."""

    def __init__(self, estate: Estate, probes: Probes) -> None:
        self._estate, self._probes = estate, probes
        self._boto: Any = boto3.Session(region_name=REGION)
        self._keys: dict[str, Keys] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._arns: dict[str, str] = {}
        self._lock = threading.RLock()
        self._url = estate.environ["AWS_ENDPOINT_URL"]

    def client(self, who: str, service: str, region: str = "") -> Any:
        """Return a client of a service as somebody, without retries."""
        name = (who, service, region or REGION)
        with self._lock:
            if name not in self._clients:
                self._clients[name] = self._make(*name)
            return self._clients[name]

    def arn(self, who: str) -> str:
        """Return the ARN that a denial names."""
        if who not in self._arns:
            self._arns[who] = str(self.client(who, "sts").get_caller_identity()["Arn"])
        return self._arns[who]

    def denials(self) -> set[tuple[str, str, str]]:
        """Return principal, action and resource of every denial that the sandbox has noted."""
        log = Path(self._estate.environ["SANDBOX_HOME"]) / "denials.jsonl"
        lines = map(json.loads, log.read_text().splitlines())
        return {(line["principal"], line["action"], line["resource"]) for line in lines}

    def open_sessions(self, names: set[str]) -> None:
        """Make the sessions of some callers beforehand; raises KeyError for an unknown one."""
        for name in sorted(names):
            self.client(name, "sts")

    def token(self, name: str) -> str:
        """Return a pipeline's token, with forged claims when the data says so."""
        wanted = self._probes.tokens[name]
        command = [sys.executable, "-m", "sandbox", "token", *wanted["arguments"]]
        done = subprocess.run(
            command, cwd=REPOSITORY, env=self._estate.environ, capture_output=True, text=True, check=True, timeout=60
        )
        head, body, signature = done.stdout.strip().split(".")
        if claims := wanted.get("claims"):
            said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            body = base64.urlsafe_b64encode(json.dumps({**said, **claims}).encode()).decode().rstrip("=")
        return f"{head}.{body}.{signature}"

    def _make(self, who: str, service: str, region: str) -> Any:
        if who == "anonymous":
            return self._boto.client(service, region_name=region, endpoint_url=self._url, config=_OPEN)
        keys = self._of(who)
        client = self._boto.client(
            service,
            region_name=region,
            endpoint_url=self._url,
            config=_QUICK,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret,
            aws_session_token=keys.token,
        )
        if who == "late signature":
            client.meta.events.register("before-send", _late(keys, client))
        return client

    def _of(self, who: str) -> Keys:
        if who not in self._keys:
            self._keys[who] = self._session(who)
        return self._keys[who]

    def _session(self, who: str) -> Keys:
        if who in FORGERS:
            return self._forged(who)
        if who in {"person", "application", "outsider"} or who.endswith("/operator"):
            return self._profile(who.removesuffix("/operator"))
        if who.startswith("session "):
            wanted = self._probes.sessions[who.removeprefix("session ")]
            return self._assumed(wanted["role"], Policy=wanted["policy"])
        return self._assumed(who)

    def _profile(self, name: str) -> Keys:
        with _environment(self._estate.environ):
            profile: Any = boto3.Session(profile_name=name).get_credentials()
            found = profile.get_frozen_credentials()
        return Keys(found.access_key, found.secret_key, found.token)

    def _forged(self, how: str) -> Keys:
        true = self._of("production/operator")
        if how == "wrong secret":
            return Keys(true.access_key_id, "0" * 40, true.token)
        if how == "mixed token":
            return Keys(true.access_key_id, true.secret, self._of("outsider").token)
        if how == "unknown key":
            return Keys("AKIA" + "Q" * 16, "0" * 40, None)
        return true

    def _assumed(self, who: str, **narrowed: str) -> Keys:
        environment, _, role = who.partition("/")
        if role == "operator":
            arn = f"arn:aws:iam::{ACCOUNTS[environment]}:role/operator"
            return Keys.of(self.client("person", "sts").assume_role(RoleArn=arn, RoleSessionName="probes", **narrowed))
        name = f"slipway-{environment}-{WORKLOADS.get(role, role)}"
        arn = f"arn:aws:iam::{ACCOUNTS[environment]}:role/{name}"
        operator = f"{environment}/operator"
        if role == "caller":
            return Keys.of(self.client("application", "sts").assume_role(RoleArn=arn, RoleSessionName="probes"))
        asks = self.client(operator, "sts")
        if role not in WORKLOADS:
            return Keys.of(asks.assume_role(RoleArn=arn, RoleSessionName="probes", **narrowed))
        with self._let_in(operator, name):
            return Keys.of(asks.assume_role(RoleArn=arn, RoleSessionName="probes"))

    @contextmanager
    def _let_in(self, operator: str, role: str) -> Iterator[None]:
        iam = self.client(operator, "iam")
        trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        account = ACCOUNTS[operator.partition("/")[0]]
        me = {"AWS": f"arn:aws:iam::{account}:role/operator"}
        more = {"Sid": "Probes", "Effect": "Allow", "Principal": me, "Action": "sts:AssumeRole"}
        wider = trust | {"Statement": [*trust["Statement"], more]}
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(wider))
        try:
            yield
        finally:
            iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))


def refused(error: ClientError) -> tuple[str, str]:
    """Return code and message of an error."""
    return error.response["Error"]["Code"], error.response["Error"].get("Message", "")


def _late(keys: Keys, client: Any) -> Any:
    """Return a handler that signs what is sent as of an hour ago."""

    def sign_again(request: Any, **_: Any) -> None:
        kept = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
            if name.lower() not in _SIGNED
        }
        again = AWSRequest(method=request.method, url=request.url, headers=kept, data=request.body)
        signer = _LateAuth(
            Credentials(keys.access_key_id, keys.secret, keys.token), client.meta.service_model.signing_name, REGION
        )
        signer.add_auth(again)
        request.headers.clear()
        request.headers.update(again.headers.items())

    return sign_again


_SIGNED = {"authorization", "x-amz-date", "x-amz-security-token"}


class _LateAuth(SigV4Auth):
    """Signatures of an hour ago."""

    def canonical_request(self, request: Any) -> Any:
        """Return what is signed, with an older date."""
        then = datetime.datetime.fromtimestamp(time.time() - 3600, datetime.UTC)
        request.context["timestamp"] = then.strftime(SIGV4_TIMESTAMP)
        request.headers.replace_header("X-Amz-Date", request.context["timestamp"])
        return super().canonical_request(request)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set what profiles are found by, for a moment."""
    names = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: values[name] for name in names})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
