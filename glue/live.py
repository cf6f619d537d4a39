"""Reads from AWS what is live: an endpoint, its config, and the models of that config."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from glue.core.truth import UNDER_WAY, Live
from glue.errors import SlipwayError

if TYPE_CHECKING:
    from glue.aws.sagemaker import SageMaker

# The most that a deployment may take, and the provider's own waiter (60 minutes)
WAIT_S = 3600


def read(sagemaker: SageMaker, endpoint: str) -> Live:
    """Return what AWS says of an endpoint (its full name). Raises AccessDeniedError and AwsError."""
    state = sagemaker.endpoint(endpoint)
    if state is None or not state.config:
        return Live(endpoint=state)
    config = sagemaker.config(state.config)
    if config is None:
        return Live(endpoint=state)
    names = sorted({v.model for v in [*config.variants.values(), *config.shadow_variants.values()]})
    found = {name: sagemaker.model(name) for name in names}
    return Live(state, config, {name: model for name, model in found.items() if model is not None})


def settled(
    sagemaker: SageMaker,
    endpoint: str,
    *,
    timeout_s: float = WAIT_S,
    every_s: float = 2,
    progress: Callable[[str], None] = lambda _status: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Live:
    """Return what is live once AWS is done with it: a roll-back may still be under way after Terraform gave up.

    Raises SlipwayError after `timeout_s`, with the last status seen.
    """
    began = clock()
    wait = every_s
    while True:
        live = read(sagemaker, endpoint)
        status = live.endpoint.status if live.endpoint else None
        if status not in UNDER_WAY:
            return live
        waited = clock() - began
        if waited >= timeout_s:
            raise SlipwayError(
                f"endpoint {endpoint} is still {status} after {waited:.0f} s",
                remedy="Look at it in the AWS console; then `slipway verify`.",
            )
        progress(f"endpoint {endpoint} is {status} ({waited:.0f} s)")
        sleep(min(wait, timeout_s - waited))
        wait = min(wait * 1.5, 30)
