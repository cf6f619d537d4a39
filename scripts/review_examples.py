"""`python -m scripts.review_examples [--check]`: docs/review/examples.md from real plans, as comments show them."""

from __future__ import annotations

import gzip
import sys
from datetime import date

from glue.review import document, inspecting
from glue.review.model import Settings
from glue.review.prices import Prices
from glue.review.rules import Rules
from glue.review.show import markdown
from glue.review.show.report import Report
from scripts.terraform_checks import ROOT

PAGE = ROOT / "docs" / "review" / "examples.md"
PLANS = ROOT / "tests" / "review" / "plans"
DAY = date(2026, 11, 21)
EXAMPLES = {
    "promotion": "A promotion: release 1 to release 2, with one changed variable of the container",
    "type-change": "Another instance type of a variant that scales",
    "widened-promote": "A role that may do more: `sagemaker:DeleteEndpoint` for the role that promotes",
}
HEAD = """# What a pull request shows

Each section is the comment that `slipway review --markdown` writes for one of the real plans in `tests/review/plans`.
`python -m scripts.review_examples` writes this page anew; a test holds it to the plans and to the code.
"""


def page() -> str:
    """Return the whole page."""
    settings = Settings(today=DAY, rules=Rules.load(), prices=Prices.load())
    parts = [HEAD]
    for name, title in EXAMPLES.items():
        data = gzip.decompress((PLANS / f"{name}.json.gz").read_bytes())
        review = inspecting.review(document.read(data, name=name), settings=settings)
        parts.append(f"# {title}\n\n{markdown.text(Report((review,)), scope=name)}")
    return "\n".join(parts)


def main() -> None:
    """Write the page, or with --check exit 1 when it is not what would be written."""
    if sys.argv[1:] == ["--check"]:
        if not PAGE.is_file() or PAGE.read_text() != page():
            sys.exit(f"{PAGE.relative_to(ROOT)} is old: python -m scripts.review_examples")
        return
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
