"""Every form in which a review leaves the program."""

from __future__ import annotations

import json
from typing import Any

from glue.review.model import Review
from glue.review.show import as_json, markdown, page, sarif, terminal
from glue.review.show.report import Report
from tests.review.golden import settings


def outputs(review: Review) -> dict[str, str]:
    """Return what is printed, posted, uploaded and opened, by form."""
    report = Report((review,))
    return {
        "terminal": terminal.text(report),
        "colour": terminal.text(report, colour=True),
        "markdown": markdown.text(report),
        "json": _written(as_json.document(report)),
        "sarif": _written(sarif.document(report, rules=settings().rules, files={})),
        "html": page.page(report),
        "repr": repr(review),
    }


def _written(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    assert json.loads(text) == value
    return text
