"""Networks that are opened to everybody: ingress from 0.0.0.0/0 or ::/0 that was not there before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glue.review.model import Finding, Settings
from glue.review.plan import Plan
from glue.review.resource import Resource

_EVERYBODY = frozenset({"0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1"})
_FIELDS = (
    "cidr_blocks",
    "ipv6_cidr_blocks",
    "cidr_ipv4",
    "cidr_ipv6",
    "cidr_block",
    "ipv6_cidr_block",
    "source_ranges",
)
_GROUPS = ("aws_security_group", "aws_default_security_group", "aws_network_acl", "aws_default_network_acl")
_RULES = (
    "aws_security_group_rule",
    "aws_vpc_security_group_ingress_rule",
    "aws_network_acl_rule",
    "google_compute_firewall",
)


def findings(change: Resource, plan: Plan, settings: Settings) -> Iterator[Finding]:
    """Yield a finding for a group or a rule that newly lets everybody in."""
    if change.type not in _GROUPS + _RULES or change.what not in ("create", "update", "replace"):
        return
    new = sorted(_open(change.type, change.after) - _open(change.type, change.before))
    if new:
        message = (
            f"everybody may newly reach {', '.join(map(plan.show, new))} ({', '.join(sorted(_everybody(change)))})"
        )
        yield settings.rules.finding("open-to-everybody", resource=change.address, message=message)


def _everybody(change: Resource) -> set[str]:
    """Return the networks that mean everybody and are in a resource after the change."""
    ingress = change.values.get("ingress")
    rules = [change.values, *(ingress if isinstance(ingress, list) else [])]
    return {network for rule in rules if isinstance(rule, dict) for network in _networks(rule) & _EVERYBODY}


def _open(kind: str, values: Mapping[str, Any] | None) -> set[str]:
    """Return the ports, in words, that everybody may reach."""
    if not values:
        return set()
    if kind in _RULES:
        return {_ports(values)} if _inward(values) and _from_everybody(values) else set()
    ingress = values.get("ingress")
    rules = [rule for rule in ingress if isinstance(rule, dict)] if isinstance(ingress, list) else []
    return {_ports(rule) for rule in rules if _from_everybody(rule) and rule.get("action", "allow") == "allow"}


def _inward(values: Mapping[str, Any]) -> bool:
    outward = values.get("type") == "egress" or values.get("egress") is True or values.get("direction") == "EGRESS"
    return not outward and values.get("rule_action", "allow") == "allow"


def _from_everybody(values: Mapping[str, Any]) -> bool:
    return bool(_networks(values) & _EVERYBODY)


def _networks(values: Mapping[str, Any]) -> set[str]:
    found = [values.get(field) for field in _FIELDS]
    lists = [value if isinstance(value, list) else [value] for value in found]
    return {network for networks in lists for network in networks if isinstance(network, str)}


def _ports(values: Mapping[str, Any]) -> str:
    first, last, protocol = (
        values.get("from_port"),
        values.get("to_port"),
        values.get("protocol") or values.get("ip_protocol"),
    )
    if str(protocol) in ("-1", "all") or first is None:
        return "every port"
    return f"port {first}" if first == last else f"ports {first} to {last}"
