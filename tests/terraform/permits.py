"""Whether IAM policies name an action and a resource. Conditions are not judged: this finds what was forgotten."""

from __future__ import annotations

import re
from typing import Any

Policy = dict[str, Any]


def listed(value: object) -> list[str]:
    """Return IAM's one-or-many as a list."""
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def matches(pattern: str, text: str, *, case: bool) -> bool:
    """Compare as IAM does: `*` and `?` are wildcards, actions ignore case."""
    expression = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern))
    return re.fullmatch(expression, text, 0 if case else re.IGNORECASE) is not None


def names(policy: Policy, effect: str, action: str, resource: str) -> bool:
    """Say whether a statement of that effect names the action on the resource."""
    return any(
        statement["Effect"] == effect
        and any(matches(pattern, action, case=False) for pattern in listed(statement["Action"]))
        and any(matches(pattern, resource, case=True) for pattern in listed(statement["Resource"]))
        for statement in policy["Statement"]
    )


def missing(policy: Policy, boundary: Policy, needs: list[tuple[str, str]]) -> list[str]:
    """Return the needs that the policy or its boundary does not allow."""
    return [
        f"{action} on {resource}"
        for action, resource in needs
        if not (names(policy, "Allow", action, resource) and names(boundary, "Allow", action, resource))
    ]
