"""Text of a plan inside Markdown and HTML: shown, and nothing else.

Whoever writes a plan may choose names and values. On GitHub a comment's text also mentions people (`@team`), links
issues (`#1`, `GH-1`, `owner/repo#1`) and commits, closes issues, loads images and shows HTML:
https://docs.github.com/en/get-started/writing-on-github. None of that happens inside a code span, so every word that is
not plainly a word becomes one. https://github.github.com/gfm/#code-spans
"""

from __future__ import annotations

import re
from html import escape

from glue.review.values import plain

MOST = 1000  # characters of one text in an output for reading; JSON has all
_PUNCTUATION = ".,;:!?)\"'"
_WORD = re.compile(r"[(\"']{0,2}[^\W\d_]+(?:['’-][^\W\d_]+)*[.,;:!?)\"']{0,3}")
_NUMBER = re.compile(r"\(?[-+±]?\d{1,6}(?:[.,]\d{1,6}){0,4}(?:[.,;:!?%)]|(?<=\d)[a-z]{1,3}){0,3}")
_SIGNS = frozenset({"->", "→", "–", "—", "·", "×", "%", "≥", "≤", "…", "="})
_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{7,}(?![0-9A-Za-z])")  # GitHub links what may be a commit
_QUOTED = re.compile(r"(?<!\S)`([^`]+)`([.,;:]?)(?=\s|\Z)")
_TICKS = re.compile("`+")


def code(text: object, *, most: int = MOST) -> str:
    """Return a text as one code span: any backticks in it, and no line ends."""
    shown = plain(text, most=most)
    if not shown.strip(" "):
        return "` `" if shown else "`(empty)`"
    fence = "`" * (max((len(run) for run in _TICKS.findall(shown)), default=0) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def prose(text: object, *, most: int = MOST) -> str:
    """Return a sentence for Markdown: plain words stay, and whatever could mean something becomes code."""
    first, *rest = _QUOTED.split(plain(text, most=most))  # then what stood between backticks, its punctuation, words
    parts = [_words(first)]
    for quoted, behind, words in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        parts += [code(quoted) + behind, _words(words)]
    whole = " ".join(filter(None, parts))
    return f"\\{whole}" if whole[:1] in "-+=" else re.sub(r"\A(\d+)([.)])(?= |\Z)", r"\1\\\2", whole)


def html(text: object, *, most: int | None = MOST) -> str:
    """Return a text for HTML, inside elements and quoted attributes."""
    return escape(plain(text, most=most), quote=True)


def sentence(text: object, *, most: int = MOST) -> str:
    """Return a text for HTML, inside elements only: what it quotes in backticks is code."""
    return _QUOTED.sub(r"<code>\1</code>\2", html(text, most=most))


def _words(text: str) -> str:
    """Return words, those that are not plain in code spans; a span ends at a comma or bracket."""
    parts: list[str] = []
    run: list[str] = []
    for word in filter(None, text.split(" ")):
        harmless = _harmless(word)
        if harmless or word[0] == "(" or (run and run[-1][-1] in ",;:"):
            parts += _coded(run)
            run = []
        if harmless:
            parts.append(word)
        else:
            run.append(word)
    return " ".join([*parts, *_coded(run)])


def _coded(words: list[str]) -> list[str]:
    """Return words as a code span, the sentence's own punctuation and brackets outside of it."""
    if not words:
        return []
    run = " ".join(words)
    behind = run[-1] if run[-1] in ".,;:" and len(run) > 1 and run[-2] not in ".,;: `" else ""
    run = run.removesuffix(behind)
    front = "(" if run[0] == "(" and len(run) > 1 else ""
    run = run.removeprefix(front)
    if front and run.endswith(")") and run.count("(") < run.count(")") and len(run) > 1:
        run, behind = run[:-1], f"){behind}"
    return [f"{front}{code(run)}{behind}"]


def _harmless(word: str) -> bool:
    if word in _SIGNS:
        return True
    if "www." in word.lower() or _HEX.search(word):
        return False
    return bool(_WORD.fullmatch(word) or _NUMBER.fullmatch(word))
