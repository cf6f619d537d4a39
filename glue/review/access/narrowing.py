"""Which condition keys a stranger cannot choose, so that a condition on them keeps a policy from being public.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
"""

from __future__ import annotations

import ipaddress
import re

from glue.review.access.globs import FRESH, SINGLE

# Set by AWS from where a request comes from and whose it is, not by who sends it.
_KEYS = frozenset({
    "aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourcevpc",
    "aws:sourcevpce", "aws:sourcevpcarn", "aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths",
    "aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn",
    "aws:principalservicename", "aws:principalservicenameslist", "aws:userid", "aws:username", "kms:calleraccount",
    "s3:dataaccesspointarn", "s3:dataaccesspointaccount", "aws:ec2instancesourcevpc", "lambda:sourcefunctionarn",
    "ec2:sourceinstancearn", "glue:roleassumedby", "lambda:principal",
})  # fmt: skip
ADDRESSES = frozenset({"aws:sourceip", "aws:vpcsourceip"})
_ARNS = frozenset({
    "aws:sourcearn", "aws:principalarn", "aws:sourcevpcarn", "lambda:sourcefunctionarn", "s3:dataaccesspointarn",
    "ec2:sourceinstancearn", "glue:roleassumedby",
})  # fmt: skip
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}", re.ASCII)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_ARN = re.compile(r"arn:[^:]*:[^:]*:[^:]*:(\d{12}):")
# Identity providers that everybody can use: who comes is told by the subject, whose first name is the owner. An issuer
# with the owner in its path (CircleCI, Bitbucket) is for that owner alone.
SHARED_ISSUERS = (
    "token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io", "accounts.google.com",
    "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com", "agent.buildkite.com",
)  # fmt: skip
_NAMED = re.compile(rf"[^:/{FRESH}{SINGLE}]+[:/][^:/{FRESH}{SINGLE}]+[:/]")


def outsiders_value(key: str, values: tuple[str, ...] | None, fixed: tuple[Network, ...] = ()) -> bool:
    """Tell whether a stranger's request may have these values of a key. Without a value always.

    `fixed` are the ranges of addresses that somebody owns.
    """
    if not values:
        return True
    if key in ADDRESSES:
        return not any(_within(value, fixed) for value in values)
    if key in _KEYS:
        return all(_anybodys(key, value) for value in values)
    host, _, name = key.partition(":")
    if host in SHARED_ISSUERS:
        told = name not in ("aud", "amr", "azp") or host.startswith("cognito")
        return not told or all(_made_up(value) and not _NAMED.match(value) for value in values)
    return True


def _anybodys(key: str, value: str) -> bool:
    """Tell whether a value of a key that AWS sets may be a stranger's: no fixed one, no ARN of a fixed account."""
    if key in _ARNS and _ARN.match(value):
        return False
    if key.endswith("orgpaths"):
        return _made_up(value.partition("/")[0])
    if key == "aws:userid" and _UNIQUE_ID.match(value):
        return False
    return _made_up(value)


def _made_up(value: str) -> bool:
    return FRESH in value or SINGLE in value


def _within(value: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return any(address.version == network.version and address in network for network in networks)


def fixed_range(text: str) -> Network | None:
    """Return a range of addresses that can be somebody's own; null for wider ones and what is none.

    Wider than IPv4's /8 or IPv6's /32 is the whole world, as S3 judges it; private addresses are nobody else's.
    """
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    narrow = network.is_private or network.prefixlen >= (8 if network.version == 4 else 32)
    return network if narrow and network.prefixlen else None


__all__ = ["ADDRESSES", "SHARED_ISSUERS", "Network", "fixed_range", "outsiders_value"]
