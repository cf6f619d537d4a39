"""Judges what roles, users and groups may do by their own policies, within their boundaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from glue.iam import PolicyError
from glue.review.access import sentences
from glue.review.access.callers import itself
from glue.review.access.compare import Layers
from glue.review.access.globs import TooManyError, covers
from glue.review.access.identities import ELSEWHERE, OF_AWS, Entity, Estate, Item
from glue.review.access.judging import of_identity, spelling_of
from glue.review.access.of_resources import TOO_MANY
from glue.review.access.rights import Told
from glue.review.access.statements import Document, Rule, read_document
from glue.review.access.telling import UNTOLD, Story

_BROAD = ("AdministratorAccess", "PowerUserAccess", "FullAccess", "IAMFull")


@dataclass
class _Side:
    """What one entity carries on one side, read."""

    documents: dict[str, tuple[Item, Document]]
    unread: dict[tuple[str, str], Item]  # by name and why
    boundary: Document | None = None
    bound: Item | None = None

    def layers(self, *, within: bool) -> Layers:
        """Return what is granted, and `within` the boundary too; of somebody new the boundary is only named."""
        own = tuple(dict.fromkeys(rule for _, document in self.documents.values() for rule in document.rules))
        return (own, self.boundary.rules) if within and self.boundary else (own,)


class People:
    """Compares everybody of a plan."""

    def __init__(self, before: Estate, after: Estate, story: Story) -> None:
        self.before, self.after, self.story = before, after, story
        self._told: set[str] = set()

    def inspect(self) -> None:
        """Note what everybody gained and lost, and what policies allow that nobody of this plan carries."""
        for key in dict.fromkeys((*self.before.people, *self.after.people)):
            old, new = self.before.people.get(key), self.after.people.get(key)
            if self._carries(self.before, old) != self._carries(self.after, new):
                self._entity(old, new)
        for address in self.after.addresses:
            carried = address in self.after.uses and address not in self.before.managed
            if not carried and address not in self._told:
                self._alone(address)

    @staticmethod
    def _carries(estate: Estate, entity: Entity | None) -> object:
        if entity is None:
            return None
        items = {(item.text, item.name if item.text is None else "", item.why) for item in estate.everything_of(entity)}
        bound = entity.boundary
        return items, (bound.text, bound.name, bound.why) if bound else None

    def _entity(self, old: Entity | None, new: Entity | None) -> None:
        entity = new or old
        assert entity is not None  # noqa: S101 - a key comes from one of the two
        before, after = self._side(self.before, old, new=False), self._side(self.after, new, new=True)
        self._unread(entity, before, after)
        self._bounds(entity, before, after, both=old is not None and new is not None)
        texts = [document for side in (before, after) for _, document in side.documents.values()]
        spelling = spelling_of(*texts, before.boundary, after.boundary)
        caller = itself(entity.arn)
        both = bool(before.documents and after.documents)
        try:
            change = of_identity(before.layers(within=both), after.layers(within=both), caller, spelling)
        except TooManyError:
            self.story.cannot(entity.address, TOO_MANY)
            return
        changed = [item for text, (item, _) in (*after.documents.items(), *before.documents.items())
                   if (text in after.documents) != (text in before.documents)]  # fmt: skip
        who = entity.words
        if not both and after.bound and not before.documents:
            who += f" (within boundary {after.bound.name.removeprefix('policy ')})"
        for told, gained in ((change.gained, True), (change.lost, False)):
            for source, several in self._sources(told, changed, before, after, entity).items():
                self._told.add(source)
                self.story.add(source, several, spelling, gained=gained, own=None, name=lambda _: who, identity=True)
        if not (change.gained or change.lost):
            self.story.same.extend(item.source for item in changed)

    def _side(self, estate: Estate, entity: Entity | None, *, new: bool) -> _Side:
        side = _Side({}, {})
        if entity is None:
            return side
        for item in estate.everything_of(entity):
            document = self._read(item, new=new)
            if document is None:
                side.unread[item.name, item.why or "cannot be read"] = item
            elif item.text is not None:
                side.documents[item.text] = (item, document)
        if entity.boundary:
            side.bound = entity.boundary
            side.boundary = self._read(entity.boundary, new=new)
        return side

    def _read(self, item: Item, *, new: bool) -> Document | None:
        if item.text is None:
            return None
        try:
            return read_document(item.text, "identity")
        except PolicyError as error:
            if new and not self._known_before(item):
                self.story.cannot(
                    item.source, f"{item.name} is no valid policy: {error.problem}", rule="policy-invalid"
                )
            return None

    def _known_before(self, item: Item) -> bool:
        return any(item.text == one.text for person in self.before.people.values() for one in person.items)

    def _unread(self, entity: Entity, before: _Side, after: _Side) -> None:
        """Note policies that come or go and cannot be read here."""
        for (name, why), item in after.unread.items():
            if (name, why) in before.unread or item.text is not None:
                continue
            if why != OF_AWS:
                self.story.cannot(item.source, f"{name}, which {entity.words} gets: {why}")
            if why in (OF_AWS, ELSEWHERE):
                self._unseen(entity, item, gained=True)
        for (name, why), item in before.unread.items():
            if (name, why) not in after.unread and item.text is None:
                self._unseen(entity, item, gained=False)

    def _unseen(self, entity: Entity, item: Item, *, gained: bool) -> None:
        """Note a policy whose text is elsewhere: AWS's own, or one that was said to be not judged."""
        verb = "newly has" if gained else "no longer has"
        broad = ", which is as good as everything" if any(word in item.name for word in _BROAD) else ""
        rule = ("policy-unseen" if item.why == OF_AWS else UNTOLD) if gained else ""
        self.story.say(
            item.source, entity.words, (f"whatever {item.name} grants",), ("*",),
            f"{entity.words} {verb} {item.name}{broad}", gained=gained, identity=True, rule=rule,
        )  # fmt: skip

    def _bounds(self, entity: Entity, before: _Side, after: _Side, *, both: bool) -> None:
        """Note a boundary that goes, and one that cannot be compared."""
        old, new = before.bound, after.bound
        if not both or (old and new and (old.text, old.name) == (new.text, new.name) and not new.why):
            return
        if new and new.text is None and new.why == "known only after the apply":
            self.story.cannot(entity.address, f"its permissions boundary: {new.why}")
        if old is None:
            return
        if new is None:
            text = f"{entity.words} is no longer limited by a boundary ({old.name})"
            self._bound(entity, text)
        elif before.boundary is None or after.boundary is None:
            text = f"{entity.words} is limited by {new.name} instead of {old.name}, which cannot be compared"
            if (old.name, old.why) != (new.name, new.why):
                self._bound(entity, text)

    def _bound(self, entity: Entity, text: str) -> None:
        self.story.say(
            entity.address,
            entity.words,
            ("whatever the boundary kept from it",),
            ("*",),
            text,
            gained=True,
            identity=True,
            rule="boundary-loosened",
        )

    def _sources(
        self, told: Iterable[Told], changed: list[Item], before: _Side, after: _Side, entity: Entity
    ) -> Mapping[str, list[Told]]:
        """Return rights by the changed policy that they come from: the first one whose patterns have them."""
        found: dict[str, list[Told]] = {}
        documents = {
            item.source: doc for side in (after, before) for item, doc in side.documents.values() if item in changed
        }
        for one in told:
            source = next((source for source, doc in documents.items() if _has(doc.rules, one)), None)
            fallback = next(iter(documents), entity.address)
            found.setdefault(source or fallback, []).append(one)
        return found

    def _alone(self, address: str) -> None:
        """Note what a managed policy allows more or less than before to whoever carries it, here or elsewhere."""
        old, new = self.before.managed.get(address), self.after.managed.get(address)
        if new is None or (old and (old.text, old.why) == (new.text, new.why)):
            return
        if new.why:
            self.story.cannot(address, new.why)
            return
        try:
            before = read_document(old.text, "identity").rules if old and old.text else ()
        except PolicyError:
            before = ()
        try:
            after = read_document(new.text or "", "identity")
        except PolicyError as error:
            self.story.cannot(address, f"is no valid policy: {error.problem}", rule="policy-invalid")
            return
        spelling = spelling_of(after, read_document(old.text) if before and old and old.text else None)
        try:
            change = of_identity((before,), (after.rules,), itself(None), spelling)
        except TooManyError:
            self.story.cannot(address, TOO_MANY)
            return
        who = f"whoever has {new.name}"
        for told, gained in ((change.gained, True), (change.lost, False)):
            self.story.add(address, told, spelling, gained=gained, own=None, name=lambda _: who, identity=True)
        if not (change.gained or change.lost) and old:
            self.story.same.append(address)


def _has(rules: tuple[Rule, ...], told: Told) -> bool:
    wanted = {action.lower() for action in told.actions}
    return any(
        any(covers(pattern, action.replace("*", "\U0010fff0").replace("?", "\U0010fff1")) for pattern in rule.actions)
        or rule.not_action
        for rule in rules
        for action in wanted
    )


def reach_of(estate: Estate, entity: Entity) -> str:
    """Return in words all that somebody may do, for those who newly become it."""
    actions: list[str] = []
    unread: list[str] = []
    for item in estate.everything_of(entity):
        if item.text is None:
            unread.append(item.name)
            continue
        try:
            document = read_document(item.text, "identity")
        except PolicyError:
            unread.append(item.name)
            continue
        for statement in document.policy.document["Statement"]:
            if statement["Effect"] == "Allow":
                actions += statement.get("Action", ["*"])
    told = [sentences.actions_in_words(sentences.unique(sorted(actions)))] if actions else []
    told += [f"what {name} grants" for name in sentences.unique(unread)]
    if not told:
        return f", and so all that {entity.words} may do (its policies are not in this plan)"
    return f", and so all that {entity.words} may do: {sentences.listed(told, 3)}"


__all__ = ["People", "reach_of"]
