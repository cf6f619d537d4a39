"""The same world as the runtime's tests have: SageMaker on moto in this very process, with a small image."""

from __future__ import annotations

from tests.sandbox_runtime.conftest import (
    ACCOUNT,
    BUCKET,
    IMAGE,
    REGION,
    World,
    extensions,
    session,
    until,
    world,
)

__all__ = ["ACCOUNT", "BUCKET", "IMAGE", "REGION", "World", "extensions", "session", "until", "world"]
