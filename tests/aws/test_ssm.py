"""The foundation's parameter, read once."""

from __future__ import annotations

import pytest

from glue.aws.session import Session
from glue.core.environment import Environment
from glue.errors import NotFoundError


def test_reads_the_foundation(dev: Session) -> None:
    found = dev.parameters.foundation(dev.environment)
    assert found.artifact_bucket == "slipway-dev-artifacts-111111111111"
    assert dev.artifacts().key_arn == found.artifact_key_arn


def test_a_foundation_that_was_never_applied_says_apply_it(dev: Session) -> None:
    other = Environment("other", "111111111111", "eu-west-1")
    with pytest.raises(NotFoundError, match="environment other has no foundation yet") as caught:
        dev.parameters.foundation(other)
    assert "make apply ENV=other STACK=foundation" in str(caught.value)
