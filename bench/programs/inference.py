"""The least model: its answer is the question."""

from __future__ import annotations


def model_fn(model_dir: str) -> str:
    """Load nothing."""
    return model_dir


def input_fn(body: bytes, content_type: str) -> bytes:  # noqa: ARG001 - SageMaker's signature
    """Take the body as it is."""
    return body


def predict_fn(data: bytes, model: str) -> bytes:  # noqa: ARG001 - SageMaker's signature
    """Predict what was asked."""
    return data


def output_fn(prediction: bytes, accept: str) -> tuple[bytes, str]:  # noqa: ARG001 - SageMaker's signature
    """Answer with it."""
    return prediction, "application/json"
