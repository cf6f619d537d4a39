"""SSM: the one parameter that the foundation publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glue.aws.errors import Where, translated
from glue.core.environment import Environment
from glue.core.foundation import Foundation, parse_foundation
from glue.errors import NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class Parameters:
    """Reads parameters of one account."""

    def __init__(self, client: SSMClient, *, where: Where) -> None:
        self._client = client
        self._where = where
        self._foundations: dict[str, Foundation] = {}

    def foundation(self, environment: Environment) -> Foundation:
        """Return what the environment's foundation publishes; read once.

        Raises NotFoundError with the remedy when it was never applied, SlipwayError when it is not usable.
        """
        name = environment.foundation_parameter
        if name not in self._foundations:
            try:
                with translated(self._where, f"parameter {name}"):
                    answer = self._client.get_parameter(Name=name)
            except NotFoundError as error:
                raise NotFoundError(
                    f"environment {environment.name} has no foundation yet: {error.message}",
                    remedy=f"Apply it: make apply ENV={environment.name} STACK=foundation",
                ) from error
            self._foundations[name] = parse_foundation(answer["Parameter"].get("Value", ""), environment)
        return self._foundations[name]
