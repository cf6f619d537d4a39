"""Lambda: one call of a function of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from glue.aws.errors import Where, translated
from glue.errors import AwsError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class Functions:
    """Calls functions of one account."""

    def __init__(self, client: LambdaClient, *, where: Where) -> None:
        self._client = client
        self._where = where

    def call(self, name: str, event: Mapping[str, object]) -> dict[str, object]:
        """Call a function, wait for it, and return its answer, an object.

        Raises NotFoundError when there is none of this name, AwsError with the function's own words when it failed.
        """
        try:
            with translated(self._where, f"function {name}"):
                answer = self._client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
                said = json.loads(answer["Payload"].read())
        except NotFoundError as error:
            raise NotFoundError(f"function {name} does not exist ({self._where})") from error
        if answer.get("FunctionError"):
            words = said.get("errorMessage") if isinstance(said, dict) else said
            raise AwsError(
                f"function {name} failed: {words} ({self._where})",
                remedy=f"Its log: /aws/lambda/{name} in account {self._where.account_id}.",
            )
        if not isinstance(said, dict):
            raise AwsError(f"function {name} answered {str(said)[:200]!r}, which is no object ({self._where})")
        return said
