"""Reviews plans: reads them, asks the pure review, and makes the texts that were asked for."""

from __future__ import annotations

# ruff: noqa: PLC0415 - outputs that are seldom asked for are imported when they are, for start-up's sake
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from glue.errors import SlipwayError, UsageError
from glue.review import document, exceptions, inspecting, loading
from glue.review.model import Grade, Review, Settings
from glue.review.prices import Prices
from glue.review.rules import Rules
from glue.review.show import as_json, from_json, markdown
from glue.review.show.report import Report, exception_text
from glue.review_sources import Source
from glue.workspace import Workspace

if TYPE_CHECKING:
    from glue.core.environment import Environment

EXCEPTIONS = Path("policy/review-exceptions.toml")  # below the repository that a plan is of
NEVER = "never"
GATES = (*(grade.word for grade in Grade if grade is not Grade.NONE), NEVER)


@dataclass(frozen=True)
class Reviewed:
    """The review of one plan, as data, JSON and a comment's text, and why nobody may apply it (a line each)."""

    review: Review
    json: bytes
    markdown: str
    forbidden: tuple[str, ...]


def review_plan(
    data: bytes,
    *,
    name: str,
    workspace: Workspace,
    environment: Environment | None = None,
    today: date,
    live_counts: Mapping[str, Mapping[str, int]] | None = None,
) -> Reviewed:
    """Return the review of `terraform show -json`, or of a bundle's slim plan. Raises UsageError for what is no plan.

    `live_counts` are instances by endpoint and variant, as AWS has them now.
    """
    settings = settings_of(
        today=today,
        exceptions_file=workspace.root / EXCEPTIONS,
        region=environment.region if environment is not None else None,
        live_counts=live_counts,
    )
    review = inspecting.review(document.read(data, name=name), settings=settings)
    report = Report((review,))
    forbidden = tuple(
        f"{one.rule}: {one.message}; {one.remedy}"
        for one in review.findings
        if one.grade is Grade.FORBIDDEN and exception_text(one) is None
    )
    text = json_text(as_json.document(report))
    return Reviewed(review, text.encode(), markdown.text(report, scope=_scope(name)), forbidden)


def settings_of(
    *,
    today: date,
    exceptions_file: Path | None = None,
    prices_file: Path | None = None,
    region: str | None = None,
    live_counts: Mapping[str, Mapping[str, int]] | None = None,
) -> Settings:
    """Return what reviews need beside plans. Raises UsageError for files that are not right."""
    rules = Rules.load()
    waivers = exceptions.load(exceptions_file, rules=rules, today=today) if exceptions_file is not None else ()
    return Settings(
        today=today,
        rules=rules,
        waivers=waivers,
        prices=Prices.load(prices_file),
        live_counts=live_counts or {},
        region=region,
    )


def review_all(sources: Sequence[Source], *, settings: Settings, gate: str) -> Report:
    """Return one report over plans and over reviews that were made elsewhere. Raises UsageError for anything else."""
    reviews: list[Review] = []
    for source in sources:
        if source.is_review:
            reviews += from_json.reviews(loading.load(source.data, name=source.name), name=source.name)
        else:
            reviews.append(inspecting.review(document.read(source.data, name=source.name), settings=settings))
    twice = {one.name for place, one in enumerate(reviews) if any(one.name == other.name for other in reviews[:place])}
    if twice:
        raise UsageError(
            f"{', '.join(sorted(twice))} is reviewed twice", remedy="Name each plan once, or the review of it."
        )
    return report_of(reviews, gate=gate)


def report_of(reviews: Sequence[Review], *, gate: str) -> Report:
    """Return the report with the gate of that name; `never` refuses nothing."""
    return Report(tuple(reviews), gate=None if gate == NEVER else Grade.of(gate))


def data_files(report: Report, sources: Sequence[Source], *, root: Path) -> dict[str, str]:
    """Return for each plan the file in the repository that a finding is shown at: its data file, else the plan's own.

    Paths are relative to `root`; what lies elsewhere is left out.
    """
    own = {source.name: source.file for source in sources if source.file is not None}
    found = {}
    for review in report.reviews:
        environment, _, rest = review.name.partition("/")
        folder = root / "environments" / environment
        endpoint = rest.partition("/")[2]
        data = folder / "endpoints" / f"{endpoint}.tfvars" if endpoint else folder / "environment.tfvars"
        for path in (data if rest else None, own.get(review.name)):
            if path is not None and path.is_file() and path.resolve().is_relative_to(root.resolve()):
                found[review.name] = path.resolve().relative_to(root.resolve()).as_posix()
                break
    return found


def texts(report: Report, sources: Sequence[Source], *, scope: str, root: Path) -> Mapping[str, Callable[[], str]]:
    """Return how each output is made, by its name: json, markdown, sarif, html. Nothing is made before it is asked."""
    return {
        "json": lambda: json_text(as_json.document(report)),
        "markdown": lambda: markdown.text(report, scope=scope),
        "sarif": lambda: json_text(_sarif(report, sources, scope=scope, root=root)),
        "html": lambda: _page(report),
    }


def _sarif(report: Report, sources: Sequence[Source], *, scope: str, root: Path) -> Mapping[str, object]:
    from importlib import metadata

    from glue.review.show import sarif

    files = data_files(report, sources, root=root)
    version = metadata.version("slipway")
    return sarif.document(report, rules=Rules.load(), files=files, scope=scope, version=version)


def _page(report: Report) -> str:
    from glue.review.show.page import page

    return page(report)


def json_text(value: Mapping[str, object]) -> str:
    """Return a document as files and stdout hold it."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def write(path: Path, text: str) -> None:
    """Write an output's file. Raises SlipwayError when that is not possible."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SlipwayError(f"{path} cannot be written: {error.strerror}") from error


def _scope(name: str) -> str:
    return name if markdown.SCOPE.fullmatch(name) else "plan"
