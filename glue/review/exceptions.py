"""The reviewed exceptions: findings that somebody answers for, until a day (policy/review-exceptions.toml)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from glue.errors import UsageError
from glue.review.model import Finding, Grade, Waiver
from glue.review.rules import Rules

LONGEST = timedelta(days=366)
WHOLE_PLAN = "(plan)"
_FIELDS = ("rule", "resource", "owner", "reason", "expires")


def load(path: Path, *, rules: Rules, today: date) -> tuple[Waiver, ...]:
    """Return the exceptions of a file, expired ones too; none when there is no file.

    Raises UsageError for a file that cannot be read, an unknown rule, a missing owner or reason, a date more than a
    year ahead, and a pattern that would cover everything.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: the exceptions cannot be read: {error}") from error
    entries = table.pop("exception", [])
    if table or not isinstance(entries, list):
        raise UsageError(f"{path}: it holds [[exception]] tables and nothing else")
    return tuple(_waiver(entry, f"{path}: exception {at}", rules, today) for at, entry in enumerate(entries, start=1))


def _waiver(entry: Any, where: str, rules: Rules, today: date) -> Waiver:
    if not isinstance(entry, dict) or set(entry) != set(_FIELDS):
        raise UsageError(f"{where} needs exactly {', '.join(_FIELDS)}")
    texts = {name: entry[name] for name in _FIELDS[:4]}
    if not all(isinstance(text, str) and text.strip() for text in texts.values()):
        raise UsageError(f"{where}: {', '.join(texts)} are texts that are not empty")
    if texts["rule"] not in rules:
        raise UsageError(f"{where} names the rule {texts['rule']!r}, which is not in rules.toml")
    if not re.search(r"[A-Za-z0-9]", texts["resource"]):
        raise UsageError(f"{where}: {texts['resource']!r} covers everything; name the resources")
    expires = entry["expires"]
    if isinstance(expires, datetime) or not isinstance(expires, date):
        raise UsageError(f"{where}: expires is a date such as {today.isoformat()}, without quotes")
    if expires > today + LONGEST:
        raise UsageError(f"{where} expires on {expires}, more than a year ahead; have it reviewed again sooner")
    return Waiver(expires=expires, **texts)


def covers(waiver: Waiver, finding: Finding) -> bool:
    """Tell whether an exception is about a finding. In a pattern `*` is any text; brackets mean themselves."""
    if waiver.rule != finding.rule:
        return False
    pattern = ".*".join(map(re.escape, waiver.resource.split("*")))
    return re.fullmatch(pattern, finding.resource or WHOLE_PLAN, re.DOTALL) is not None


def apply(findings: Iterable[Finding], waivers: tuple[Waiver, ...], *, rules: Rules, today: date) -> list[Finding]:
    """Return the findings, those under an exception lowered to low and carrying it; an expired one is a finding."""
    found: list[Finding] = []
    for finding in findings:
        matching = [waiver for waiver in waivers if covers(waiver, finding)]
        valid = [waiver for waiver in matching if waiver.expires >= today]
        if valid and finding.grade > Grade.LOW:
            found.append(replace(finding, grade=Grade.LOW, exception=max(valid, key=lambda waiver: waiver.expires)))
            continue
        found.append(finding)
        if matching and not valid:
            latest = max(matching, key=lambda waiver: waiver.expires)
            found.append(
                rules.finding(
                    "exception-expired",
                    resource=finding.resource,
                    message=f"the exception from {finding.rule} by {latest.owner} expired on {latest.expires}",
                )
            )
    return found
