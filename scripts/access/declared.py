"""The declared access matrix: policy/access.toml, read and checked against the list of all actions."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import product
from typing import Any, Literal

from scripts.terraform_checks import ROOT

MATRIX = ROOT / "policy" / "access.toml"
ACTIONS = ROOT / "policy" / "actions.json"
SAME = {"sts:role": "iam:role", "sts:user": "iam:user", "ssm:iam-role": "iam:role", "ssm:bucket": "s3:bucket"}
Context = dict[str, tuple[str, ...]]
OWN, UPSTREAM, ELSEWHERE = "own", "upstream", "elsewhere"


class MatrixError(ValueError):
    """The matrix says something that cannot be meant."""


@dataclass(frozen=True)
class Row:
    """Some actions on some kinds of resources.

    `of` says whose they are: own, upstream, elsewhere. `when`: what the request must say. `only`: a trait of the
    environment, without which there is no such row.
    """

    actions: frozenset[str]
    kinds: frozenset[str]
    of: str
    when: Mapping[str, tuple[str, ...]]
    why: str
    written: tuple[str, ...]
    only: str | None


@dataclass(frozen=True)
class Who:
    """A declared role or other principal."""

    name: str
    arn: str
    what: str
    rows: tuple[Row, ...]
    principal: Literal["session", "service", "federated", "anonymous"] | None  # None: a planned role
    boundary: str | None


def says(context: Context, wanted: Mapping[str, tuple[str, ...]]) -> bool:
    """Say whether a request's context has one of the wanted values for each key; "" is the absence of the key."""
    return all(
        any(fnmatchcase(value, pattern) for value in context.get(key, ("",)) for pattern in patterns)
        for key, patterns in wanted.items()
    )


class Declared:
    """The matrix. `names` fill the templates of one account: prefix, account, region, project and so on."""

    def __init__(self) -> None:
        self.text = tomllib.loads(MATRIX.read_text())
        known = json.loads(ACTIONS.read_text())
        self._variations: dict[tuple[str, str], list[dict[str, str]]] = {}
        self.types: dict[str, str] = known["types"] | self.text["outside"]["types"]
        every = known["actions"] | self.text["outside"]["actions"]
        self.actions: dict[str, list[str]] = {
            action: [SAME.get(kind, kind) for kind in kinds] for action, kinds in every.items()
        }

    @cached_property
    def kinds(self) -> dict[str, tuple[str, str]]:
        """The type and the ARN's template of each kind of resource, by name; every type has one of another team."""
        found: dict[str, tuple[str, str]] = {}
        for kind, named in self.text["resources"].items():
            if kind not in self.types:
                raise MatrixError(f"resources: AWS knows no type {kind}")
            for name, arn in named.items():
                if name in found:
                    raise MatrixError(f"resources: {name} is there twice")
                found[name] = (kind, arn)
        for kind, arn in self.types.items():
            found[f"any other {kind}"] = (kind, fill(arn, "other-team"))
            if kind not in self.text["resources"]:
                found[f"{kind} named like ours"] = (kind, fill(arn, "{prefix}-ranker"))
        return found

    @cached_property
    def kinds_of_type(self) -> dict[str, list[str]]:
        """The kinds of each type."""
        found: dict[str, list[str]] = {}
        for name, (kind, _) in self.kinds.items():
            found.setdefault(kind, []).append(name)
        return found

    @cached_property
    def facts(self) -> dict[str, dict[str, Any]]:
        """What AWS says of a kind of resource in the context of a request: its aliases and tags."""
        self._know(self.text["facts"], "facts")
        return dict(self.text["facts"])

    @cached_property
    def who(self) -> dict[str, Who]:
        """Everybody, by name."""
        return {
            name: Who(
                name,
                given["arn"],
                given["what"],
                tuple(self._row(name, row) for row in given.get("may", [])),
                given.get("principal"),
                given.get("boundary"),
            )
            for name, given in self.text["who"].items()
        }

    @cached_property
    def never(self) -> tuple[Row, ...]:
        """What nobody may do, whatever a row says."""
        return tuple(self._row("never", row) for row in self.text["never"])

    def _row(self, who: str, row: Mapping[str, Any]) -> Row:
        self._know(row["on"], f"{who}, {row['why']}")
        when = {key: _listed(value) for key, value in row.get("when", {}).items()}
        written = tuple(row["do"])
        actions = frozenset(action for pattern in written for action in self.expand(pattern, who))
        return Row(actions, frozenset(row["on"]), row.get("of", OWN), when, row["why"], written, row.get("only"))

    def expand(self, pattern: str, where: str) -> list[str]:
        """Return the actions that a name stands for; a name that stands for none is refused."""
        found = self.actions_like(pattern)
        if not found:
            raise MatrixError(f"{where}: AWS knows no action {pattern}")
        return found

    def actions_like(self, pattern: str) -> list[str]:
        """Return the actions that IAM would take a pattern for; case does not count."""
        wanted = pattern.lower()
        return [one for one in self.actions if fnmatchcase(one.lower(), wanted)]

    def sayable(self, accounts: Iterable[Mapping[str, str]]) -> dict[str, set[str]]:
        """Return every value of each key that some request has in its context."""
        found: dict[str, set[str]] = {"aws:SecureTransport": {"true"}}
        given = [(one["key"], one["values"]) for one in self.text["variations"]]
        given += [(key, value) for facts in self.facts.values() for key, value in facts.items()]
        for key, values in given:
            for names in accounts:
                found.setdefault(key, set()).update(value.format_map(names) for value in _listed(values) if value)
        return found

    def _know(self, kinds: Any, where: str) -> None:
        unknown = [kind for kind in kinds if kind not in self.kinds and kind != "*"]
        if unknown:
            raise MatrixError(f"{where}: no kind of resource is called {', '.join(unknown)}")

    def variations(self, who: str, action: str) -> list[dict[str, str]]:
        """Return every combination of what somebody can choose to say with an action; "" is silence."""
        found = self._variations.get((who, action))
        if found is None:
            choices = [
                [(one["key"], value) for value in one["values"]]
                for one in self.text["variations"]
                if any(fnmatchcase(action, pattern) for pattern in one["actions"]) and who in one.get("who", [who])
            ]
            found = [dict(combination) for combination in product(*choices)]
            self._variations[who, action] = found
        return found

    def expected(self, who: str, traits: set[str], asked: tuple[str, str, str], context: Context) -> bool:
        """Say what the matrix says of a request: action, kind and whose, from an environment with some traits."""
        action, kind, of = asked
        rows = self._rows.get((who, action, kind, of), ())
        allowed = any(says(context, row.when) for row in rows if row.only is None or row.only in traits)
        return allowed and not any(
            action in row.actions and kind in row.kinds and says(context, row.when) for row in self.never
        )

    @cached_property
    def _rows(self) -> dict[tuple[str, str, str, str], list[Row]]:
        """The rows of somebody about an action on a kind of resource, by whose it is."""
        found: dict[tuple[str, str, str, str], list[Row]] = {}
        for who in self.who.values():
            for row in who.rows:
                for action, kind in product(row.actions, row.kinds):
                    found.setdefault((who.name, action, kind, row.of), []).append(row)
        return found


def fill(template: str, name: str) -> str:
    """Return the template of an ARN with its own names replaced; account and region stay open."""
    parts = template.replace("{Account}", "{account}").replace("{Region}", "{region}").split("{")
    kept = ("account}", "region}")
    return parts[0] + "".join(
        "{" + part if part.startswith(kept) else name + part.partition("}")[2] for part in parts[1:]
    )


def _listed(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (str(value),)
