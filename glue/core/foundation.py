"""What an environment's foundation publishes in its SSM parameter, typed and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from glue.core import names
from glue.core.environment import Environment
from glue.core.strictjson import StrictObject, loads
from glue.errors import RefusedError, SlipwayError, UsageError

SCHEMA = 1
_LIMIT = (
    8 * 1024
)  # https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
_ARN = re.compile(r"^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{12}:.+$")
_URL = re.compile(r"^https?://[a-z0-9.-]+(:\d+)?/?$")
_REPOSITORY = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/.+$")


@dataclass(frozen=True)
class FoundationModel:
    """What a model has in an environment."""

    execution_role_arn: str
    repository_url: str
    model_package_group: str


@dataclass(frozen=True)
class TrainingPlaces:
    """Where an environment's training queue is. `queues` has the URLs of its SQS queues by their short names."""

    name: str
    table: str
    submit_url: str
    topic_arn: str
    queues: Mapping[str, str]


@dataclass(frozen=True)
class Foundation:
    """An environment's foundation. `models` by model name."""

    project: str
    environment: str
    account_id: str
    region: str
    artifact_bucket: str
    artifact_key_arn: str
    notification_topic_arn: str | None
    models: Mapping[str, FoundationModel]
    evidence_key_arn: str | None = None  # an older foundation has none, and then nothing is signed
    training_queue: TrainingPlaces | None = None

    def model(self, name: str) -> FoundationModel:
        """Return a model's foundation. Raises UsageError naming the models that there are."""
        if name not in self.models:
            known = ", ".join(sorted(self.models)) or "none"
            raise UsageError(
                f"model {name!r} is not in the foundation of {self.environment} (there: {known})",
                remedy=f"Add it to models in environments/{self.environment}/environment.tfvars and apply foundation.",
            )
        return self.models[name]


def parse_foundation(text: str, environment: Environment) -> Foundation:
    """Return the foundation that an SSM parameter's text describes.

    Raises SlipwayError when the text is not one, RefusedError when it describes another environment. Fields that this
    version does not know are ignored: a newer foundation may publish more.
    """
    name = environment.foundation_parameter
    try:
        document = loads(text.encode(), limit=_LIMIT)
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"it is not an object of schema {SCHEMA}")
        foundation = _foundation(StrictObject(document, "foundation"))
    except ValueError as error:
        raise SlipwayError(
            f"parameter {name} of {environment.name} is not usable: {error}",
            remedy=f"Apply the foundation again: make apply ENV={environment.name} STACK=foundation",
        ) from error
    _check_same(foundation, environment)
    return foundation


def _foundation(obj: StrictObject) -> Foundation:
    models = obj.nested("models")
    return Foundation(
        project=obj.text("project"),
        environment=obj.text("environment"),
        account_id=obj.text("account_id"),
        region=obj.text("region"),
        artifact_bucket=obj.text("artifact_bucket"),
        artifact_key_arn=obj.text("artifact_key_arn", _ARN),
        notification_topic_arn=obj.optional_text("notification_topic_arn"),
        evidence_key_arn=obj.optional_text("evidence_key_arn"),
        training_queue=_training(obj),
        models={name: _model(models.nested(name)) for name in models.keys()},  # noqa: SIM118 - not a mapping
    )


def _training(obj: StrictObject) -> TrainingPlaces | None:
    if not obj.has("training_queue") or obj.value("training_queue") is None:
        return None
    queue = obj.nested("training_queue")
    return TrainingPlaces(
        name=queue.text("name"),
        table=queue.text("table"),
        submit_url=queue.text("submit_url", _URL),
        topic_arn=queue.text("topic_arn", _ARN),
        queues=queue.texts("queues"),
    )


def _model(obj: StrictObject) -> FoundationModel:
    return FoundationModel(
        execution_role_arn=obj.text("execution_role_arn", _ARN),
        repository_url=obj.text("repository_url", _REPOSITORY),
        model_package_group=obj.text("model_package_group"),
    )


def _check_same(foundation: Foundation, environment: Environment) -> None:
    bucket = names.artifact_bucket(environment.project, environment.name, environment.account_id)
    pairs = {
        "project": (foundation.project, environment.project),
        "environment": (foundation.environment, environment.name),
        "account_id": (foundation.account_id, environment.account_id),
        "region": (foundation.region, environment.region),
        "artifact_bucket": (foundation.artifact_bucket, bucket),
    }
    for field, (published, wanted) in pairs.items():
        if published != wanted:
            raise RefusedError(
                f"the foundation of {environment.name} says {field} {published!r}, its data says {wanted!r}",
                remedy=f"Compare environments/{environment.name}/environment.tfvars with what was applied.",
            )
