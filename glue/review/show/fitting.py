"""Fits a text into a limit: what matters least is left out first, and how much was left out is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_NOTICE = 90  # characters that a block's own notice of what it leaves out may take


@dataclass(frozen=True)
class Block:
    """Items that stand together, or a head alone. A lower `rank` matters more; `noun`: one item, as `plan(s)`."""

    rank: int
    head: str = ""
    items: Sequence[str] = ()
    tail: str = ""
    noun: str = "line(s)"

    def text(self, count: int) -> str:
        """Return the block with its first `count` items."""
        more = len(self.items) - count
        notice = f"\n- … and {more:,} more\n" if more else ""
        return f"{self.head}{''.join(self.items[:count])}{notice}{self.tail}"


@dataclass(frozen=True)
class Fitted:
    """The text that fits, and how many items of each noun are not in it."""

    text: str
    left_out: Counter[str]


def fit(blocks: Sequence[Block], room: int) -> Fitted:
    """Return the blocks in their order, within `room` characters; those of high rank give way, from their ends."""
    taken: dict[int, int] = {}
    for place in sorted(range(len(blocks)), key=lambda place: (blocks[place].rank, place)):
        block = blocks[place]
        count = _count(block, room)
        if count or (not block.items and len(block.head) + len(block.tail) <= room):
            taken[place] = count
            room -= len(block.text(count))
    left_out: Counter[str] = Counter()
    for place, block in enumerate(blocks):
        if missing := len(block.items) - taken.get(place, 0):
            left_out[block.noun] += missing
        elif place not in taken:
            left_out[block.noun] += 1
    return Fitted("".join(blocks[place].text(count) for place, count in sorted(taken.items())), left_out)


def _count(block: Block, room: int) -> int:
    """Return how many of a block's first items there is room for."""
    fixed = len(block.head) + len(block.tail)
    if fixed + sum(map(len, block.items)) <= room:
        return len(block.items)
    room -= fixed + _NOTICE
    for count, item in enumerate(block.items):
        room -= len(item)
        if room < 0:
            return count
    return len(block.items)
