"""Collects rights, findings and what cannot be judged, and turns them into the review's part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from glue.review.access import sentences
from glue.review.access.callers import Caller
from glue.review.access.escalation import shapes
from glue.review.access.rights import Told
from glue.review.model import AccessChange, Finding, Part, Right, Settings, Unjudged
from glue.review.plan import Plan

_MOST_DETAILS = 40
UNTOLD = "-"  # the rule of what another finding says already
_FEW = 4  # rights of one caller from one source that are told one by one


@dataclass(frozen=True)
class Group:
    """What one caller gained or lost from one source. `whole`: it had nothing from there before, or has nothing now."""

    source: str
    who: str
    rights: tuple[Right, ...]
    gained: bool
    reach: str = ""
    identity: bool = False
    rule: str = ""  # of its own, when it is no gain or loss like others
    parts: tuple[Right, ...] = ()  # the rights one by one, where they are told in one line


@dataclass
class Story:
    """Everything that was found, in the order in which it was."""

    plan: Plan
    settings: Settings
    groups: list[Group] = field(default_factory=list)
    unjudged: dict[tuple[str, str], str] = field(default_factory=dict)  # address and why: rule
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)

    def cannot(self, address: str, why: str, *, rule: str = "policy-unknown") -> None:
        """Note a policy that cannot be judged."""
        self.unjudged.setdefault((address, why), rule)

    def add(
        self,
        source: str,
        told: Iterable[Told],
        spelling: Mapping[str, str],
        *,
        gained: bool,
        own: str | None,
        name: Callable[[Caller], str] | None = None,
        on: str | None = None,
        limit: bool = False,
        verb: str | None = None,
        reach: str = "",
        identity: bool = False,
    ) -> None:
        """Note rights that one source gives or takes, in one line for each caller when there are many."""
        by_caller: dict[str, list[Told]] = {}
        for one in told:
            who = name(one.caller) if name else sentences.who(one.caller, own)
            by_caller.setdefault(who, []).append(one)
        word = verb or ("can newly" if gained else "can no longer")
        for who, several in by_caller.items():
            parts = [sentences.what(one, spelling, gained=gained, on=on) for one in several]
            made = [
                Right(
                    who=who,
                    actions=(*one.actions, *(f"not {name}" for name in one.but_actions)),
                    resources=(*one.resources, *(f"not {name}" for name in one.but_resources)),
                    conditions=sentences.conditions(one, spelling),
                    source=source,
                    public=one.public and gained and not limit,
                    cross_account=_crosses(one.caller, own) and not limit,
                    text=f"{who} {word} {part}{reach}",
                )
                for one, part in zip(several, parts, strict=True)
            ]
            rights = (
                tuple(made) if len(made) <= _FEW else (_one(made, f"{who} {word} {sentences.folded(parts)}{reach}"),)
            )
            self.groups.append(Group(source, who, rights, gained, reach, identity, parts=tuple(made)))

    def say(
        self, source: str, who: str, actions: tuple[str, ...], resources: tuple[str, ...], text: str, *,
        gained: bool, public: bool = False, cross_account: bool = False, conditions: tuple[str, ...] = (),
        identity: bool = False, rule: str = "",
    ) -> None:  # fmt: skip
        """Note one right that no policy document says."""
        right = Right(who, actions, resources, conditions, source, public, cross_account, text)
        self.groups.append(Group(source, who, (right,), gained, identity=identity, rule=rule))

    def part(self) -> Part:
        """Return the part of the review."""
        groups = _merged(self.groups)
        findings = [*self.findings, *self._findings(groups)]
        findings += [
            self.settings.rules.finding(rule, resource=address, message=f"{address}: {self._shown(why)}")
            for (address, why), rule in self.unjudged.items()
        ]
        told = frozenset(one.resource for one in findings if one.resource)
        return Part(
            findings=tuple(findings),
            access=AccessChange(
                gained=tuple(self._clean(right) for group in groups if group.gained for right in group.rights),
                lost=tuple(self._clean(right) for group in groups if not group.gained for right in group.rights),
                unjudged=tuple(Unjudged(address, self._shown(why)) for address, why in self.unjudged),
            ),
            folded=self._folded(),
            notes=tuple(sentences.unique(self.notes)),
            claimed=told & _only_policies(self.plan),
        )

    def _folded(self) -> tuple[str, ...]:
        if not self.same:
            return ()
        count = len(set(self.same))
        noun = "1 policy is" if count == 1 else f"{count} policies are"
        return (f"{noun} rewritten without changing who can do what: {sentences.listed(sorted(set(self.same)))}",)

    def _shown(self, text: str) -> str:
        return self.plan.show(text, most=600)

    def _clean(self, right: Right) -> Right:
        return Right(
            who=self._shown(right.who),
            actions=tuple(map(self._shown, right.actions)),
            resources=tuple(map(self._shown, right.resources)),
            conditions=tuple(map(self._shown, right.conditions)),
            source=right.source,
            public=right.public,
            cross_account=right.cross_account,
            text=self.plan.show(right.text, most=1200),
        )

    def _findings(self, groups: list[Group]) -> Iterable[Finding]:
        """Yield one finding for each source and rule, with its rights as details."""
        found: dict[tuple[str, str], list[Group]] = {}
        for group in groups:
            for rule in _rules(group):
                found.setdefault((group.source, rule), []).append(group)
        for (source, rule), several in found.items():
            details = tuple(self.plan.show(one.text, most=1200) for group in several for one in group.rights)
            first, more = details[0], len(details) - 1
            yield self.settings.rules.finding(
                rule,
                resource=source,
                message=first + (f" (and {more} more)" if more else ""),
                details=details[:_MOST_DETAILS] if more else (),
            )
        yield from self._escalations(groups)

    def _escalations(self, groups: list[Group]) -> Iterable[Finding]:
        for group in groups:
            ways = shapes(group.parts or group.rights) if group.gained and group.identity else ()
            if ways:
                yield self.settings.rules.finding(
                    "access-escalates",
                    resource=group.source,
                    message=self._shown(f"{group.who} can {ways[0]}")
                    + (f" (and {len(ways) - 1} more)" if ways[1:] else ""),
                    details=tuple(map(self._shown, ways[:_MOST_DETAILS])) if ways[1:] else (),
                )


def _crosses(caller: Caller, own: str | None) -> bool:
    if caller.kind in ("stranger", "id"):
        return True
    return caller.account is not None and caller.account != own and caller.kind != "self"


def _one(rights: list[Right], text: str) -> Right:
    return Right(
        who=rights[0].who,
        actions=sentences.unique(action for one in rights for action in one.actions),
        resources=sentences.unique(resource for one in rights for resource in one.resources),
        conditions=sentences.unique(condition for one in rights for condition in one.conditions),
        source=rights[0].source,
        public=any(one.public for one in rights),
        cross_account=any(one.cross_account for one in rights),
        text=text,
    )


def _rules(group: Group) -> list[str]:
    if group.rule:
        return [] if group.rule == UNTOLD else [group.rule]
    if not group.gained:
        calls = any(_invokes(action) for right in group.rights for action in right.actions)
        return ["access-lost-by-callers" if calls else "access-narrowed"]
    found = []
    if any(right.public for right in group.rights):
        found.append("access-public")
    if any(right.cross_account and not right.public for right in group.rights):
        found.append("access-cross-account")
    if group.reach:
        found.append("trust-widened")
    return found or ["access-widened"]


def _invokes(action: str) -> bool:
    low = action.lower()
    return low in ("*", "sagemaker:*") or low.startswith("sagemaker:invoke")


def _merged(groups: list[Group]) -> list[Group]:
    """Return the groups; several callers that gained the same from one source in one line."""
    alike: dict[tuple[object, ...], list[Group]] = {}
    for group in groups:
        content = tuple((r.actions, r.resources, r.conditions, r.text.replace(group.who, "", 1)) for r in group.rights)
        alike.setdefault((group.source, group.gained, content), []).append(group)
    return [_together(several) if len(several) > 1 else several[0] for several in alike.values()]


def _together(several: list[Group]) -> Group:
    first = several[0]
    who = sentences.listed(sentences.unique(group.who for group in several), 3)
    rights = tuple(
        Right(
            who=who,
            actions=right.actions,
            resources=right.resources,
            conditions=right.conditions,
            source=right.source,
            public=any(group.rights[at].public for group in several),
            cross_account=any(group.rights[at].cross_account for group in several),
            text=right.text.replace(first.who, who, 1),
        )
        for at, right in enumerate(first.rights)
    )
    return Group(first.source, who, rights, first.gained, first.reach, first.identity, first.rule, first.parts)


def _only_policies(plan: Plan) -> frozenset[str]:
    """Return the addresses of resources that are nothing but a policy or its attachment."""
    ends = ("_policy", "_policy_attachment", "_permission", "_permissions")
    return frozenset(one.address for one in plan.changes if one.type.endswith(ends) and one.deposed is None)


__all__ = ["UNTOLD", "Group", "Story"]
