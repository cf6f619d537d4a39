"""Holds planned roles against the declared matrix: every role, action, kind of resource and account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from glue.iam import Policy, PolicySet, Principal, Request, StaticWorld, evaluate, parse_policy, session_of
from glue.iam.world import policies_for
from scripts.access.declared import ELSEWHERE, OWN, UPSTREAM, Context, Declared, Who
from scripts.access.estate import Estate
from scripts.planned_policies import Setting

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class Subject:
    """Somebody to judge: what the matrix calls them, whom they are for IAM, and whose environment theirs is."""

    who: str
    principal: Principal
    home: Setting | None


@dataclass(frozen=True)
class Asked:
    """A request and what was decided about it. `of` says whose the resource is, seen from the subject."""

    action: str
    kind: str
    of: str
    setting: Setting
    resource: str
    said: Mapping[str, str]
    context: Context
    allowed: bool


@dataclass
class Judge:
    """Decides about every request that the matrix knows of, in a world of planned policies."""

    declared: Declared
    estate: Estate
    settings: list[Setting]
    world: StaticWorld = field(init=False)
    names: dict[str, dict[str, str]] = field(init=False)
    traits: dict[str, set[str]] = field(init=False)
    evaluations: int = 0

    def __post_init__(self) -> None:
        """Parse every policy once."""
        self.names = {setting.name: names(setting) for setting in self.settings}
        self.traits = {setting.name: traits(setting) for setting in self.settings}
        self.world = world(self.estate, self.declared, self.names)

    def requests(self, subject: Subject, accounts: list[Setting]) -> Iterator[Asked]:
        """Yield every request that the subject could make in some accounts, with its decision."""
        for setting in accounts:
            of = relation(subject.home, setting)
            for action, types in self.declared.actions.items():
                if types:
                    kinds = [kind for one in types for kind in self.declared.kinds_of_type[one]]
                else:
                    kinds = ["*"] if of == OWN else []
                for kind in kinds:
                    yield from self.vary(subject, setting, of, action, kind)

    def vary(self, subject: Subject, setting: Setting, of: str, action: str, kind: str) -> Iterator[Asked]:
        """Yield one action on one kind of resource of an account, with each thing that the caller could say."""
        given = self.names[setting.name]
        resource = "*" if kind == "*" else self.declared.kinds[kind][1].format_map(given)
        facts = {key: _values(value, given) for key, value in self.declared.facts.get(kind, {}).items()}
        policies, possible = None, False
        for variation in self.declared.variations(subject.who, action):
            said = {key: value.format_map(given) for key, value in variation.items() if value}
            context: Context = {"aws:SecureTransport": ("true",), **facts, **{key: (one,) for key, one in said.items()}}
            asked = Request(subject.principal, action, resource, context, given["account"])
            self.evaluations += 1
            if policies is None:  # nothing that is said changes which ones apply
                policies = policies_for(asked, self.world)
                possible = speaks(policies, action)
            allowed = possible and evaluate(asked, policies).allowed
            plain = {key: (value,) for key, value in variation.items()} | facts
            yield Asked(action, kind, of, setting, resource, variation, plain, allowed)

    def expects(self, subject: Subject, asked: Asked) -> bool:
        """Say what the matrix says of a request."""
        known = self.traits[(subject.home or asked.setting).name]
        return self.declared.expected(subject.who, known, (asked.action, asked.kind, asked.of), asked.context)

    def everybody(self) -> Iterator[tuple[Subject, list[Setting]]]:
        """Yield every planned role and everybody else, with the accounts to judge them on."""
        yield from ((subject, self.settings) for subject in self.planned())
        yield from self.others()

    def planned(self) -> list[Subject]:
        """Return every planned role; each must be declared exactly once."""
        found = []
        for role in self.estate.roles.values():
            (home,) = (setting for setting in self.settings if setting.account == role.account)
            matching = [
                one.name
                for one in self.declared.who.values()
                if one.principal is None and fnmatchcase(role.arn, one.arn.format_map(self.names[home.name]))
            ]
            if len(matching) != 1:
                raise ValueError(f"{role.arn} must be declared once in policy/access.toml, not as {matching}")
            found.append(Subject(matching[0], session_of(role.arn), home))
        return found

    def others(self) -> Iterator[tuple[Subject, list[Setting]]]:
        """Yield everybody who is no planned role, and the accounts to judge them on."""
        for one in self.declared.who.values():
            if one.principal is None:
                continue
            if one.principal == "session" and "{" not in one.arn:
                yield Subject(one.name, session_of(one.arn), None), self.settings
            elif one.principal == "service":
                yield Subject(one.name, Principal("service", one.arn), None), self.settings
            elif one.principal == "anonymous":
                yield Subject(one.name, Principal("anonymous"), None), self.settings
            else:
                yield from self._of_each_account(one)

    def _of_each_account(self, one: Who) -> Iterator[tuple[Subject, list[Setting]]]:
        """Yield somebody who is in each account: bounded roles, pipelines' providers, and administrators, of others."""
        for setting in self.settings:
            arn = one.arn.format_map(self.names[setting.name])
            if one.boundary and one.boundary.format_map(self.names[setting.name]) not in self.estate.managed:
                continue  # the boundary of what this environment has not
            if one.principal == "federated":
                yield Subject(one.name, Principal("federated", arn), None), [setting]
            else:
                rest = [other for other in self.settings if one.boundary or other is not setting]
                yield Subject(one.name, session_of(arn), setting), rest


def traits(setting: Setting) -> set[str]:
    """Return what distinguishes an environment: first of a chain, training, its inputs, a network."""
    models = setting.environment["models"].values()
    found = {"first"} if setting.environment.get("promotes_from") is None else set()
    found |= set() if (setting.environment.get("gates") or {}).get("approval") else {"no approval"}
    for model in models:
        training = model.get("training")
        found |= {"training"} if training is not None else set()
        found |= {"inputs"} if training and training.get("inputs") else set()
        found |= {"network"} if model.get("network") else set()
    found |= {"queue"} if setting.environment.get("training_queue") is not None else {"no queue"}
    found |= {"invoker"} if setting.endpoint["invoker"] else set()
    found |= {"monitor"} if setting.endpoint.get("monitor") is not None else set()
    found |= {f"caller {name}" for name in setting.endpoint["callers"]}
    found |= {f"pipeline {name}" for name in setting.environment.get("identity_providers", {})}
    return found


def speaks(policies: PolicySet, action: str) -> bool:
    """Say whether any statement allows the action at all: where none does, IAM denies whatever a request says."""
    about = (one for policy in (*policies.identity, *policies.resource) for one in policy.about(action.lower()))
    return bool(policies.grants) or any(statement.allows for statement in about)


def relation(home: Setting | None, setting: Setting) -> str:
    """Say whose an account is, seen from somebody's environment."""
    if home is None:
        return ELSEWHERE
    if home.name == setting.name:
        return OWN
    source = home.environment.get("promotes_from")
    return UPSTREAM if source and source["account_id"] == setting.account else ELSEWHERE


def names(setting: Setting) -> dict[str, str]:
    """Return what the templates of the matrix stand for in an environment."""
    project = str(setting.environment.get("project", "slipway"))
    return {
        "prefix": setting.prefix,
        "account": setting.account,
        "region": str(setting.environment["region"]),
        "project": project,
        "env": str(setting.environment["name"]),
    }


def world(estate: Estate, declared: Declared, accounts: Mapping[str, Mapping[str, str]]) -> StaticWorld:
    """Return IAM's view of the planned estate."""
    managed = {arn: parse_policy(document, name=arn) for arn, document in estate.managed.items()}
    identities = {
        role.arn: tuple(parse_policy(document, name=name) for name, document in role.policies.items())
        for role in estate.roles.values()
    }
    for one in declared.who.values():
        for given in accounts.values() if one.principal == "session" else ():
            identities[one.arn.format_map(given)] = (parse_policy(EVERYTHING, name="everything"),)
    boundaries = {role.arn: managed[role.boundary] for role in estate.roles.values() if role.boundary}
    for one in declared.who.values():
        for given in accounts.values() if one.boundary else ():
            if found := managed.get(str(one.boundary).format_map(given)):
                boundaries[one.arn.format_map(given)] = found
    resources: dict[str, tuple[Policy, ...]] = {}
    for arn, documents in estate.resources.items():
        parsed = tuple(parse_policy(document, name=arn) for document in documents)
        for concrete in _concrete(arn, declared, accounts):
            resources[concrete] = parsed
    keys = [
        declared.kinds[kind][1].format_map(given)
        for kind in declared.kinds_of_type["kms:key"]
        for given in accounts.values()
    ]
    for key in set(keys) - resources.keys():  # not planned, so as AWS makes one: its account's IAM decides
        statement = {"Effect": "Allow", "Principal": {"AWS": key.split(":")[4]}, "Action": "kms:*", "Resource": "*"}
        resources[key] = (parse_policy({"Version": "2012-10-17", "Statement": [statement]}, name=key),)
    return StaticWorld(identities=identities, boundaries=boundaries, resources=resources)


def _concrete(arn: str, declared: Declared, accounts: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the resources of the matrix that an ARN with a wildcard covers (a registry's policy), or itself."""
    if "*" not in arn:
        return [arn]
    known = {template.format_map(given) for _, template in declared.kinds.values() for given in accounts.values()}
    return [one for one in known if fnmatchcase(one, arn)]


def _values(value: Any, given: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(one.format_map(given) for one in (value if isinstance(value, list) else [value]))
