"""Makes the JSON of small plans, as Terraform writes it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from glue.review import document, inspecting
from glue.review.model import Finding, Review, Settings, Waiver
from glue.review.plan import Plan
from glue.review.prices import Prices
from glue.review.rules import Rules

TODAY = date(2026, 11, 21)
RULES = Rules.load()
SETTINGS = Settings(today=TODAY, rules=RULES, prices=Prices.load())
AWS = "registry.terraform.io/hashicorp/aws"


def change(
    address: str,
    what: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    *,
    unknown: Any = None,
    secret: Any = None,
    provider: str = AWS,
    **more: Any,
) -> dict[str, Any]:
    """Return one entry of `resource_changes`; `what` is a word or several joined by a slash (`delete/create`)."""
    module, _, rest = address.rpartition("module.") if "module." in address else ("", "", address)
    inner = rest.split(".", 1)[1] if module or address.startswith("module.") else address
    steps = inner.removeprefix("data.").split("[")[0].split(".")
    inside = {
        "actions": what.split("/"),
        "before": before,
        "after": after,
        "after_unknown": {} if unknown is None else unknown,
        "before_sensitive": {} if secret is None else secret,
        "after_sensitive": {} if secret is None else secret,
        **{name: more.pop(name) for name in ("replace_paths", "importing") if name in more},
    }
    entry = {
        "address": address,
        "mode": "data" if inner.startswith("data.") else "managed",
        "type": steps[0],
        "name": steps[1],
        "provider_name": provider,
        "change": inside,
        **more,
    }
    if module or address.startswith("module."):
        entry["module_address"] = address.removesuffix(f".{inner}")
    return entry


def plan_json(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the document of a plan with these changes."""
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {}},
        "resource_changes": list(changes),
        "configuration": {"root_module": {}},
        "timestamp": "2026-11-21T10:00:00Z",
        "applyable": True,
        "complete": True,
        "errored": False,
        **more,
    }


def read(*changes: dict[str, Any], **more: Any) -> Plan:
    """Return the plan with these changes, read from its JSON."""
    return document.read(json.dumps(plan_json(*changes, **more)).encode(), name="plan.json")


def reviewed(*changes: dict[str, Any], waivers: tuple[Waiver, ...] = (), **more: Any) -> Review:
    """Return the review of a plan with these changes."""
    settings = Settings(today=TODAY, rules=RULES, prices=SETTINGS.prices, waivers=waivers)
    return inspecting.review(read(*changes, **more), settings=settings)


def only(review: Review, rule: str) -> Finding:
    """Return the one finding of a rule; fails when there is none or are several."""
    found = [finding for finding in review.findings if finding.rule == rule]
    assert len(found) == 1, [finding.rule for finding in review.findings]
    return found[0]


def rules_of(review: Review) -> set[str]:
    """Return the ids of the rules that fired."""
    return {finding.rule for finding in review.findings}
