"""The Condition element: keys joined by AND, values by OR, negated operators by NOR.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
"""

from __future__ import annotations

from dataclasses import dataclass

from glue.iam.operators import OPERATORS, Test
from glue.iam.variables import Context

_SETS = ("ForAllValues", "ForAnyValue")


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key."""

    key: str  # lower case
    tests: tuple[Test, ...]
    negated: bool = False
    over: str = ""  # "", ForAllValues or ForAnyValue
    if_exists: bool = False
    wants_absent: frozenset[bool] | None = None  # for Null

    def holds(self, context: Context) -> bool:
        """Tell whether the request meets this condition.

        A missing key: false, but true for a negated operator, with IfExists, and with ForAllValues
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html,
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
        """
        values = context.get(self.key)
        if self.wants_absent is not None:
            return (not values) in self.wants_absent
        if values is None:
            return self.if_exists or self._without_value()
        if self.over:
            # An empty string counts as no value for the set operators.
            values = tuple(value for value in values if value != "")
        if not values:
            return self._without_value()
        if self.over == "ForAllValues" or (self.negated and not self.over):
            return all(self._one(value, context) for value in values)
        return any(self._one(value, context) for value in values)

    def _without_value(self) -> bool:
        return self.over == "ForAllValues" if self.over else self.negated

    def _one(self, value: str, context: Context) -> bool:
        results = [test(value, context) for test in self.tests]
        if self.negated:
            # A variable without a value matches nothing, not even as "not equal".
            return not any(result is None or result for result in results)
        return any(results)


def make_condition(name: str, key: str, values: list[str], *, variables: bool) -> Condition:
    """Return the condition; raises ValueError that says what is wrong with the operator or a value."""
    over, colon, rest = name.partition(":")
    if not colon:
        over, rest = "", name
    elif over not in _SETS:
        raise ValueError(f"unknown set operator {over!r}: ForAllValues and ForAnyValue exist")
    if rest == "Null":
        if over:
            raise ValueError("Null takes no set operator")
        return Condition(key.lower(), (), wants_absent=frozenset(_truth(value) for value in values))
    base = rest.removesuffix("IfExists")
    if base not in OPERATORS:
        raise ValueError(f"unknown condition operator {name!r}")
    make, negated = OPERATORS[base]
    tests = []
    for value in values:
        try:
            tests.append(make(value, variables))
        except ValueError as problem:
            raise ValueError(f"{value!r} {problem}") from None
    return Condition(key.lower(), tuple(tests), negated, over, if_exists=base != rest)


def _truth(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError(f"Null takes true or false, not {value!r}")
    return value.lower() == "true"
