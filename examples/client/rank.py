"""A search application asks the ranker in production: from its own account, or through the invoker function.

    python examples/client/rank.py endpoint --profile application
    python examples/client/rank.py invoker --profile production --key customer-7

`endpoint` is how another account calls: its own credentials assume the caller role, which may invoke this one endpoint
and nothing else. `invoker` is how code inside production's account calls: a function, without SageMaker's SDK; with
--key the same customer is answered by the same variant while an A/B test lasts.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

HERE = Path(__file__).resolve().parent
JSON = "application/json"
# A search page cannot wait: no long connects, one quick retry of throttling and lost connections.
PATIENCE = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


class AnswerError(Exception):
    """The model or the function refused; the message is theirs."""


def assume(session: boto3.Session, role_arn: str, external_id: str | None = None) -> boto3.Session:
    """Return a session of the caller role. Its credentials last an hour: keep the session, assume again before then."""
    request: Any = {"RoleArn": role_arn, "RoleSessionName": "search-application"}
    if external_id:
        request["ExternalId"] = external_id
    keys = session.client("sts", config=PATIENCE).assume_role(**request)["Credentials"]
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=session.region_name,
    )


def ask_endpoint(session: boto3.Session, endpoint: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the endpoint's answer. Raises AnswerError with the model's own words when it refuses."""
    runtime = session.client("sagemaker-runtime", config=PATIENCE)
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType=JSON, Accept=JSON, Body=json.dumps(question).encode()
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ModelError":
            raise AnswerError(str(error.response.get("OriginalMessage") or error)) from error
        raise
    document: dict[str, Any] = json.loads(answer["Body"].read())
    return document


def ask_invoker(
    session: boto3.Session, function: str, question: Mapping[str, Any], key: str | None = None
) -> tuple[dict[str, Any], str]:
    """Return the endpoint's answer through the invoker function's alias `live`, and which variant gave it.

    `key` names the customer: the same key gets the same variant. Raises AnswerError when it refuses.
    """
    event = {"body": question} | ({"sticky_key": key} if key else {})
    answer = session.client("lambda", config=PATIENCE).invoke(
        FunctionName=function, Qualifier="live", Payload=json.dumps(event).encode()
    )
    result = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise AnswerError(f"the function failed: {result.get('errorMessage')}")
    if result["statusCode"] != 200:
        raise AnswerError(f"{result['statusCode']}: {result['body']}")
    document: dict[str, Any] = json.loads(result["body"])
    return document, result["headers"]["x-amzn-invoked-production-variant"]


def table(answer: Mapping[str, Any]) -> str:
    """Return the ranking as lines: place, score, document."""
    rows = [f"{place:>3}  {item['score']:>9.4f}  {item['id']}" for place, item in enumerate(answer["ranking"], start=1)]
    model = answer["model"]
    return "\n".join([f"{model['name']} {model['version']}", *rows]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask once and print the ranking. Returns 0, or 1 with the reason on stderr."""
    options = _parser().parse_args(arguments)
    question = json.loads(options.question.read_text(encoding="utf-8"))
    name = f"{options.project}-{options.environment}-{options.endpoint}"
    try:
        session = boto3.Session(profile_name=options.profile, region_name=options.region)
        if options.way == "endpoint":
            role = f"arn:aws:iam::{options.account}:role/{name}-caller-{options.caller}"
            answer = ask_endpoint(assume(session, role, options.external_id), name, question)
        else:
            answer, variant = ask_invoker(session, f"{name}-invoker", question, options.key)
            sys.stderr.write(f"answered by variant {variant}\n")
    except (AnswerError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(table(answer))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rank.py", description="Ask the ranker for the best order of documents.")
    parser.add_argument("way", choices=("endpoint", "invoker"), help="through the caller role, or through the function")
    parser.add_argument("--profile", help="AWS profile (default: the usual credential chain)")
    parser.add_argument("--region", default="eu-west-1", help="default: %(default)s")
    parser.add_argument("--account", default="333333333333", help="account of the endpoint (default: %(default)s)")
    parser.add_argument("--project", default="slipway", help="default: %(default)s")
    parser.add_argument("--environment", default="production", help="default: %(default)s")
    parser.add_argument("--endpoint", default="ranker", help="default: %(default)s")
    parser.add_argument("--caller", default="search", help="name of the caller in the endpoint's settings")
    parser.add_argument("--external-id", help="when the caller's settings ask for one")
    parser.add_argument("--key", help="with the function: whose question it is, for the same variant each time")
    parser.add_argument("--question", type=Path, default=HERE / "question.json", help="file with the request")
    return parser


if __name__ == "__main__":
    sys.exit(main())
