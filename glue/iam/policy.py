"""A parsed policy: statements that can be asked whether they apply to an action on a resource in a context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from glue.iam.conditions import Condition
from glue.iam.principals import Principals
from glue.iam.variables import Context, Template
from glue.iam.wildcards import Matcher, resource_matcher

_REMEMBERED = 2048
Use = Literal["any", "identity", "resource", "trust"]


class PolicyError(ValueError):
    """A document that is not a policy: which policy, where, and what is wrong."""

    def __init__(self, policy: str, problem: str) -> None:
        super().__init__(f"policy {policy or '(without name)'}: {problem}")
        self.policy = policy
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Actions:
    """Patterns of actions; case does not count, a wildcard stays inside the name.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """

    exact: frozenset[str]  # lower case
    patterns: tuple[Matcher, ...]
    everything: bool

    def match(self, action: str) -> bool:
        """Tell whether an action, in lower case, is among these."""
        return self.everything or action in self.exact or any(pattern(action) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Resources:
    """Patterns of ARNs; case counts.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """

    everything: bool
    exact: frozenset[str]
    patterns: tuple[Matcher, ...]
    open: tuple[tuple[str, Template], ...]  # with variables: literal start, template

    def match(self, resource: str, context: Context, *, thorough: bool) -> bool | None:
        """Tell whether a resource is among these; None when it is not and a variable had no value.

        Unless `thorough`, variables that could not matter are not looked at. A request on `*` (an action that has no
        resource) is met by `*` alone.
        """
        if self.everything or resource in self.exact:
            return True
        if resource == "*":
            return False
        if any(pattern(resource) for pattern in self.patterns):
            return True
        missing = False
        for start, made in self.open:
            if not thorough and not resource.startswith(start):
                continue
            tokens = made.resolve(context)
            if tokens is None:
                missing = True
            elif resource_matcher(tokens)(resource):
                return True
        return None if missing else False


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. An element that the document lacks is None."""

    number: int  # from 1
    sid: str
    allows: bool
    actions: Actions
    not_action: bool
    resources: Resources | None
    not_resource: bool
    principals: Principals | None
    not_principal: bool
    conditions: tuple[Condition, ...]

    @property
    def label(self) -> str:
        """Return the Sid, or the statement's number when it has none."""
        return self.sid or f"#{self.number}"

    def names_action(self, action: str) -> bool:
        """Tell whether the statement is about the action (in lower case)."""
        return self.actions.match(action) != self.not_action

    def applies(self, resource: str, context: Context) -> bool:
        """Tell whether the statement is about the resource, in this context. A trust policy has no resource of its own.

        A variable without a value makes NotResource match nothing
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
        """
        if self.resources is not None:
            found = self.resources.match(resource, context, thorough=self.not_resource)
            if (found is not False) if self.not_resource else not found:
                return False
        return all(condition.holds(context) for condition in self.conditions)


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy document, ready to be asked. Immutable; safe to share between threads."""

    name: str
    version: str
    id: str
    statements: tuple[Statement, ...]
    document: Mapping[str, Any]  # the document in one canonical form: every list a list
    _by_action: dict[str, tuple[Statement, ...]] = field(default_factory=dict, repr=False)
    _fits: set[Use] = field(default_factory=set, repr=False)

    @property
    def has_principal(self) -> bool:
        """Tell whether some statement names principals: such a policy belongs to a resource."""
        return any(statement.principals is not None for statement in self.statements)

    def require(self, use: Use) -> None:
        """Raise PolicyError when the policy cannot be used so: it would silently match everybody or nobody.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        A trust policy has no NotPrincipal:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        if use in self._fits:
            return
        for statement in self.statements:
            problem = _misuse(statement, use)
            if problem:
                raise PolicyError(self.name, f"Statement[{statement.number}] {problem}")
        self._fits.add(use)

    def about(self, action: str) -> tuple[Statement, ...]:
        """Return the statements about an action (in lower case); remembered, because the same actions come again."""
        found = self._by_action.get(action)
        if found is None:
            found = tuple(statement for statement in self.statements if statement.names_action(action))
            if len(self._by_action) >= _REMEMBERED:
                self._by_action.clear()
            self._by_action[action] = found
        return found


def _misuse(statement: Statement, use: Use) -> str | None:
    if use == "any":
        return None
    if use == "identity":
        return "names a principal, so it can only be a resource's" if statement.principals is not None else None
    if statement.principals is None:
        return "has no Principal, so it cannot be a resource's"
    if use == "trust" and statement.resources is not None:
        return "has a Resource, which a trust policy cannot have"
    return (
        "has a NotPrincipal, which a trust policy cannot have" if use == "trust" and statement.not_principal else None
    )
