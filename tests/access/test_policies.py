"""The planned policies as texts: nothing in them escapes the matrix, and nothing is granted in vain."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from scripts.access.declared import Declared
from scripts.access.estate import Document, Estate
from scripts.access.judge import Judge
from tests.access.conftest import Judged

# What IAM itself knows of the caller and the resource, whatever a request says.
DERIVED = {"aws:PrincipalArn", "aws:PrincipalOrgID", "aws:ResourceAccount", "aws:ResourceOrgID"}


def listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def statements(estates: list[Estate], *sorts: str) -> Iterator[tuple[str, Document]]:
    """Every statement of some sorts of policies, with the policy's name."""
    for estate in estates:
        for name, (sort, document) in estate.documents().items():
            if sort in sorts:
                yield from ((name, statement) for statement in document["Statement"])


def test_every_service_that_a_policy_names_is_judged(declared: Declared, estates: list[Estate]) -> None:
    judged = {action.split(":")[0] for action in declared.actions}
    named = {
        (name, action)
        for name, statement in statements(estates, "identity", "resource", "trust")
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
    }
    assert not [one for one in named if one[1].split(":")[0] not in judged and one[1] != "tag:Get*"]
    unknown = [one for one in named if one[1] != "tag:Get*" and not declared.actions_like(one[1])]
    assert unknown == [], "AWS knows no such action"


def test_the_boundary_alone_grants_the_tagging_service(estates: list[Estate]) -> None:
    granting = {
        name for name, statement in statements(estates, "identity") if "tag:Get*" in listed(statement["Action"])
    }
    assert granting
    assert all(name.endswith("-deployment") for name in granting)


def test_every_condition_is_met_and_missed_by_some_request(committed: Judge, optional: Judge) -> None:
    """Or an Allow under a condition that no request of ours meets would never be seen."""
    for judge in (committed, optional):
        values = judge.declared.sayable(judge.names.values())
        for name, statement in statements([judge.estate], "identity", "resource", "trust"):
            for operator, keys in statement.get("Condition", {}).items():
                for key, wanted in keys.items():
                    assert key in values or key in DERIVED, f"{name}: no request says anything of {key}"
                    if statement["Effect"] == "Deny" or key in DERIVED or operator in ("Null", "Bool"):
                        continue
                    missed = [one for one in listed(wanted) if not any(fnmatchcase(v, one) for v in values[key])]
                    assert not missed, f"{name}: no request meets {operator} {key} {missed}"


def test_nothing_is_granted_in_vain(judged: Judged, judged_with_options: Judged) -> None:
    for found in (judged, judged_with_options):
        for subject in found.judge.planned():
            if subject.home is None or not any(home == subject.home.name for home, _, _ in found.allowed):
                continue
            possible = {a for home, who, a in found.allowed if (home, who) == (subject.home.name, subject.who)}
            role = found.judge.estate.roles[str(subject.principal.role_arn)]
            vain = {
                pattern
                for document in role.policies.values()
                for statement in document["Statement"]
                for pattern in listed(statement["Action"])
                if not any(fnmatchcase(action, pattern) for action in possible)
            }
            assert vain == set(), f"{role.name} is granted what no request of its own can use"


def test_no_statement_allows_by_exclusion(estates: list[Estate]) -> None:
    every = list(statements(estates, "identity", "resource", "trust"))
    odd = ("NotAction", "NotResource", "NotPrincipal")
    assert [name for name, statement in every if any(element in statement for element in odd)] == []


def test_every_role_has_a_boundary_of_its_account(estates: list[Estate]) -> None:
    for estate in estates:
        for role in estate.roles.values():
            assert role.boundary in estate.managed, f"{role.name} has no boundary"
            assert str(role.boundary).split(":")[4] == role.account


def test_no_service_is_trusted_by_a_role_of_people(estates: list[Estate]) -> None:
    trusting = {
        name
        for name, statement in statements(estates, "trust")
        if "Service" in (statement["Principal"] if isinstance(statement["Principal"], dict) else {})
    }
    assert trusting
    of_queue = tuple(f"-training-{name}" for name in ("submit", "launch", "finish", "release", "schedule"))
    endings = ("-execution", "-invoker", "-monitor", *of_queue)
    assert all(name.removesuffix(" trust").endswith(endings) for name in trusting)


def test_every_resource_that_a_policy_names_is_judged(committed: Judge, optional: Judge) -> None:
    """Or an Allow on a resource that no kind stands for would never be seen."""
    for judge in (committed, optional):
        known = {
            template.format_map(given)
            for _, template in judge.declared.kinds.values()
            for given in judge.names.values()
        }
        named = {
            (name, pattern)
            for name, statement in statements([judge.estate], "identity")
            if statement["Effect"] == "Allow"
            for pattern in listed(statement["Resource"])
        }
        missed = sorted(one for one in named if one[1] != "*" and not any(fnmatchcase(arn, one[1]) for arn in known))
        assert missed == []
