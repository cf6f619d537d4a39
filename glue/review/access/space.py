"""The actions and resources that some statements can tell apart, as bits, so that sets of them are compared exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from glue.review.access.globs import Atom, TooManyError, atoms_of, covers, fit_of, is_wild
from glue.review.access.statements import Pattern, Rule

_MOST_OPEN = 5
Side = tuple[Pattern, bool]  # an open pattern, and whether a NotResource has it


class Space:
    """Bits for actions and for resources. Raises TooManyError for statements that cannot be compared exactly."""

    def __init__(self, layers: Sequence[tuple[Rule, ...]]) -> None:
        """Lay out the layers of both sides; the same layer of both at the same place of each half."""
        rules = {rule for layer in layers for rule in layer}
        self.actions = atoms_of(_families(layers, lambda rule: (rule.actions, rule.not_action)))
        opened = {(pattern, rule.not_resource) for rule in rules for pattern in rule.resources or () if pattern.open}
        plain = atoms_of(_families(layers, lambda rule: (_globs(rule), rule.not_resource)), arn=True)
        self.resources, self._truths = _with_open(plain, sorted(opened, key=str))
        self.all_actions = (1 << len(self.actions)) - 1
        self.all_resources = (1 << len(self.resources)) - 1
        self._places = {atom.text: at for at, atom in enumerate(self.actions)}
        self._at: dict[str, int] = {}
        for at, atom in enumerate(self.resources):
            self._at[atom.text] = self._at.get(atom.text, 0) | 1 << at
        self._action_masks: dict[str, int] = {}
        self._resource_masks: dict[Side, int] = {}

    def actions_of(self, rule: Rule) -> int:
        """Return the actions that a statement is about."""
        mask = 0
        for glob in rule.actions:
            mask |= self._actions(glob)
        return self.all_actions & ~mask if rule.not_action else mask

    def resources_of(self, rule: Rule) -> int:
        """Return the resources that a statement is about: all when it names none."""
        if rule.resources is None:
            return self.all_resources
        mask = 0
        for pattern in rule.resources:
            mask |= self._resources((pattern, rule.not_resource))
        return self.all_resources & ~mask if rule.not_resource else mask

    def _actions(self, glob: str) -> int:
        if not is_wild(glob):
            return 1 << self._places[glob]
        if glob not in self._action_masks:
            fit = fit_of(glob)
            self._action_masks[glob] = sum(1 << at for at, atom in enumerate(self.actions) if fit(atom.text))
        return self._action_masks[glob]

    def _resources(self, side: Side) -> int:
        pattern = side[0]
        if not pattern.open and not is_wild(pattern.glob):
            return self._at[pattern.glob]
        if side not in self._resource_masks:
            fit = fit_of(pattern.glob, arn=True)
            self._resource_masks[side] = sum(
                1 << at
                for at, atom in enumerate(self.resources)
                if (side in self._truths[at] if pattern.open else fit(atom.text))
            )
        return self._resource_masks[side]


def _families(layers: Sequence[tuple[Rule, ...]], of: Callable[[Rule], tuple[frozenset[str], bool]]) -> list[set[str]]:
    """Return the patterns of which something that differs lies in at most one.

    It is allowed by one statement in each layer, denied by one at most, and outside of what each NotAction leaves out:
    inside of one of its patterns when the statement does not apply.
    """
    half = len(layers) // 2
    allowing: list[set[str]] = [set() for _ in range(half)]
    denying: set[str] = set()
    excluding: list[set[str]] = []
    for number, layer in enumerate(layers):
        for rule in layer:
            globs, excluded = of(rule)
            if excluded:
                excluding.append(set(globs))
            elif rule.allows:
                allowing[number % half] |= globs
            else:
                denying |= globs
    return [*allowing, denying, *excluding]


def _globs(rule: Rule) -> frozenset[str]:
    return frozenset(pattern.glob for pattern in rule.resources or ())


def _with_open(plain: tuple[Atom, ...], opened: list[Side]) -> tuple[list[Atom], list[frozenset[Side]]]:
    """Return each resource once for every way in which patterns with variables may match it, and which do.

    Nothing is known of a variable's value but that it is the same everywhere: when one pattern covers another one with
    the variable taken for a letter, it does so for every value. For who has no such value, a statement with the pattern
    in its NotResource is about nothing at all, as if the pattern matched everything.
    """
    implied = {
        one: {
            other
            for other in opened
            if other != one and not one[1] and not other[1] and covers(other[0].marked, one[0].marked, arn=True)
        }
        for one in opened
    }
    atoms: list[Atom] = []
    truths: list[frozenset[Side]] = []
    for atom in plain:
        possible = [side for side in opened if side[1] or fit_of(side[0].glob, arn=True)(atom.text)]
        for told in _ways(possible, implied):
            atoms.append(atom)
            truths.append(told)
    return atoms, truths


def _ways(possible: list[Side], implied: dict[Side, set[Side]]) -> Iterator[frozenset[Side]]:
    if len(possible) > _MOST_OPEN:
        raise TooManyError
    for number in range(1 << len(possible)):
        told = frozenset(side for at, side in enumerate(possible) if number >> at & 1)
        if all(implied[side] & set(possible) <= told for side in told):
            yield told
