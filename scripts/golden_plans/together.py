"""Many small cases in one plan: each a module of one configuration, because a Terraform process costs seconds.

What is kept of it is Terraform's own output, reduced to what is below one module.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from scripts.golden_plans.cases import DESTROY, Case
from scripts.golden_plans.workshop import Source, Unplannable, Workshop
from scripts.terraform_checks import ROOT

REGION = "eu-west-1"
PROVIDER = f'provider "aws" {{\n  region = "{REGION}"\n}}\n'


class Together:
    """Plans cases whose sources are single folders that configure the provider alike."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = {case.name: case for case in cases if self.fits(case)}
        self._shown: dict[str, Any] = {}
        self._tried = False

    @staticmethod
    def fits(case: Case) -> bool:
        """Tell whether a case can be planned as a module."""
        sources = [source for source in (case.before, case.after) if source is not None]
        plain = all(set(source.folders) == {"."} and _main(source).count(PROVIDER) == 1 for source in sources)
        return plain and case.alone is False and case.prior is None and case.flags in (Case.flags, DESTROY)

    def plan(self, name: str, workshop: Workshop) -> dict[str, Any]:
        """Return the plan of one case. Raises: workshop.Unplannable."""
        if not self._tried:
            self._tried = True
            before = {one.name: one.before for one in self.cases.values() if one.before is not None}
            after = {one.name: one.after for one in self.cases.values() if one.flags != DESTROY}
            self._shown = workshop.plan(_joined(after), prior=workshop.state_of(_joined(before)))
        if not self._shown:
            raise Unplannable("see the first of the cases that are planned together")
        return part(self._shown, name)


def _main(source: Source) -> str:
    return (ROOT / source.folders["."] / "main.tf").read_text()


def _joined(sources: Mapping[str, Source]) -> Source:
    """Return one configuration that calls each source as a module."""
    calls = {
        name: {"source": f"./{name}", **json.loads(json.dumps(dict(source.variables)).replace("${", "$${"))}
        for name, source in sources.items()
    }
    main = {"module": calls, "provider": {"aws": {"region": REGION}}}
    return Source(
        folders={name: source.folders["."] for name, source in sources.items()},
        edits=[(f"{name}/main.tf", PROVIDER, "") for name in sources],
        files={"main.tf.json": json.dumps(main)},
    )


def part(shown: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a plan reduced to one module of the root."""
    own = f"module.{name}"
    root = shown["configuration"]["root_module"]
    found = {
        key: [one for one in value if _below(one.get("address", one.get("resource", "")), own)]
        for key, value in shown.items()
        if key in {"resource_changes", "resource_drift", "relevant_attributes"}
    }
    return {**shown, **found} | {
        "planned_values": _values(shown["planned_values"], own),
        "prior_state": {**shown["prior_state"], "values": _values(shown["prior_state"].get("values", {}), own)},
        "configuration": {
            **shown["configuration"],
            "root_module": {"module_calls": {key: one for key, one in root["module_calls"].items() if key == name}},
        },
    }


def _below(address: str, module: str) -> bool:
    return address.startswith((f"{module}.", f"{module}["))


def _values(values: Mapping[str, Any], module: str) -> dict[str, Any]:
    children = values.get("root_module", {}).get("child_modules", [])
    return {"root_module": {"child_modules": [one for one in children if one["address"] == module]}}
