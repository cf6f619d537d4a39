"""What deciding by IAM costs: the same calls on two sandboxes, one that enforces and one that asks nobody.

The caller is a role with a policy of many statements and a permissions boundary; the object is encrypted with a key of
its own and lies in a bucket with a policy, so that one GetObject asks identity, boundary, bucket policy and key policy.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.invoking import ACCOUNT, sandbox
from bench.processes import REGION, BenchError
from bench.stats import median

MODES = ("enforce", "off")
BUCKET, NAME = "bench-encrypted", "bench-caller"
CLIENTS = 4
BLOCK = 40
Say = Callable[[str], None]
Calls = Mapping[str, Callable[[], object]]


def measure(*, runs: int, say: Say) -> dict[str, Any]:
    """Return for each call p50 in ms with and without enforcement, and for four clients the requests a second.

    The modes take turns, call by call. `adds_ms` is the difference of the medians.
    """
    times: dict[str, dict[str, list[float]]] = {mode: {} for mode in MODES}
    rates: dict[str, list[float]] = {mode: [] for mode in MODES}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        calls: dict[str, Calls] = {}
        for mode in MODES:
            say(f"enforcement: starting a sandbox, SANDBOX_IAM={mode}")
            stack.enter_context(sandbox(Path(folder) / mode, iam=mode))
            calls[mode] = _furnish()
            _block(calls[mode])
        for number in range(runs):
            say(f"enforcement {number + 1}/{runs}: {BLOCK} calls of each kind, then {CLIENTS} clients at once")
            for mode in MODES:
                rates[mode].append(_rate(calls[mode]))
            _alternate(calls, times)
    rows = {name: {f"{mode}_p50_ms": round(median(times[mode][name]), 3) for mode in MODES} for name in times[MODES[0]]}
    for row in rows.values():
        row["adds_ms"] = round(row["enforce_p50_ms"] - row["off_p50_ms"], 3)
    return {"calls": rows, "requests_per_second": {mode: round(median(rates[mode])) for mode in MODES}}


def _furnish() -> Calls:
    """Make role, key, bucket and object with the operator; return calls of the role's session."""
    import boto3  # noqa: PLC0415 - only the benchmarks of the sandbox need it

    operator: Any = boto3.Session(profile_name="qa", region_name=REGION)
    key = operator.client("kms").create_key()["KeyMetadata"]["Arn"]
    s3 = operator.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="releases/one", Body=b"x" * 1024, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=_document([{**denied, "Condition": insecure}]))
    iam = operator.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    boundary = iam.create_policy(PolicyName=NAME, PolicyDocument=_document(everything))["Policy"]["Arn"]
    role = iam.create_role(
        RoleName=NAME, AssumeRolePolicyDocument=_document([trust]), PermissionsBoundary=boundary
    )["Role"]["Arn"]  # fmt: skip
    iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=_document(_statements(key)))
    operator.client("ssm").put_parameter(Name="/bench/one", Value="1", Type="String")
    return _calls(operator.client("sts").assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"])


def _calls(given: Mapping[str, str]) -> Calls:
    import boto3  # noqa: PLC0415

    session: Any = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION)
    s3, ssm, sagemaker = session.client("s3"), session.client("ssm"), session.client("sagemaker")

    def read() -> None:
        if len(s3.get_object(Bucket=BUCKET, Key="releases/one")["Body"].read()) != 1024:
            raise BenchError("the sandbox returned another object")

    return {
        "s3 GetObject (policy, key)": read,
        "s3 ListObjectsV2": lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix="releases/"),
        "ssm GetParameter": lambda: ssm.get_parameter(Name="/bench/one"),
        "sagemaker ListEndpoints": sagemaker.list_endpoints,
    }


def _statements(key: str) -> list[dict[str, Any]]:
    """Return a policy as long as those of deployment roles: four statements count, twenty are about other things."""
    others = [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": f"arn:aws:s3:::other-{number}/releases/*"}
        for number in range(20)
    ]
    via = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    return [
        *others,
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/releases/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key, "Condition": via},
        {"Effect": "Allow", "Action": ["ssm:GetParameter", "sagemaker:ListEndpoints"], "Resource": "*"},
    ]


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _block(calls: Calls) -> None:
    for call in calls.values():
        for _ in range(BLOCK):
            call()


def _alternate(calls: Mapping[str, Calls], times: dict[str, dict[str, list[float]]]) -> None:
    """Add the milliseconds of a block of each call; the modes take turns, so that a busy moment meets both."""
    for name in calls[MODES[0]]:
        for _ in range(BLOCK):
            for mode in MODES:
                began = time.perf_counter()
                calls[mode][name]()
                times[mode].setdefault(name, []).append((time.perf_counter() - began) * 1000)


def _rate(calls: Calls) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda _: _block(calls), range(CLIENTS)))
    return CLIENTS * BLOCK * len(calls) / (time.perf_counter() - began)
