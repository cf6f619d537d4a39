"""Which variant a caller's key belongs to: the same key gets the same one, and weights decide how many keys each has.

Weighted rendezvous hashing: every variant draws a number from the key, and the smallest of `-ln(number) / weight` wins.
It is exponentially distributed with the weight as its rate, so a variant wins with probability weight / sum of weights.
A change of weights moves a key from one variant to another only if the other's weight grew by a larger factor: with two
variants exactly as many keys move as the shares differ, and keys of unchanged variants do not change places among
themselves. (Thaler and Ravishankar 1998, https://doi.org/10.1109/90.663936; weighted: Schindler and Schomaker 2005.)
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
from collections.abc import Mapping

_STEPS = 2**64


@functools.lru_cache(maxsize=4)
def weights_of(text: str) -> dict[str, int]:
    """Return the variants that take traffic, with their weights, from the function's setting (JSON)."""
    return {str(name): weight for name, weight in json.loads(text).items() if weight > 0}


def weights() -> dict[str, int]:
    """Return the weights that Terraform gave the function; empty when it gave none."""
    return weights_of(os.environ.get("WEIGHTS", "{}"))


def assign(key: str, *, among: Mapping[str, int], salt: str) -> str | None:
    """Return the variant of a key; None when there is no choice to make: fewer than two variants take traffic.

    `salt` (the endpoint's name) keeps one caller from being everywhere among the first to see something new.
    """
    if len(among) < 2:
        return None
    return min(sorted(among), key=lambda name: -math.log(_draw(salt, name, key)) / among[name])


def trace_of(key: str, *, salt: str) -> str:
    """Return what logs say of a key: 32 bits of a hash. Enough to follow a complaint, too little to count people by."""
    return _digest(salt, "", key)[:4].hex()


def _draw(*parts: str) -> float:
    """Return a number between 0 and 1, both excluded, that depends on the parts only."""
    return (int.from_bytes(_digest(*parts)[:8], "big") + 0.5) / _STEPS


def _digest(*parts: str) -> bytes:
    # a byte that UTF-8 never has separates the parts: ("a", "bc") is not ("ab", "c")
    return hashlib.sha256(b"\xff".join(part.encode() for part in parts)).digest()
