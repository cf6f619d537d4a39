"""Asks the release before a deployment and the one after it the same golden requests, and reports how they compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from glue.asking import Asker, golden_of
from glue.console import Console
from glue.core.comparison import MOST_REQUESTS, Report, Sample, VariantReport, pair, requests_of
from glue.core.golden import GoldenRequest
from glue.core.revision import Revision, Revisions
from glue.core.watch import changed_variants
from glue.errors import SlipwayError
from glue.workspace import Stack

if TYPE_CHECKING:
    from glue.aws.session import Session

# A report is worth waiting for, but not for long: it holds up a deployment.
TOTAL_S = 60.0
# A burst could look like load to autoscaling, and an endpoint that is scaling cannot be deployed to.
PAUSE_S = 0.2
Samples = Mapping[str, Sample]


class Comparer:
    """Compares the releases of the deployments of one environment; whole reports go into `folder`."""

    def __init__(self, session: Session, *, console: Console, folder: Path) -> None:
        self._session = session
        self._console = console
        self._folder = folder

    def before(self, stack: Stack, before: Revisions, after: Revisions) -> Comparing | None:
        """Ask what serves now, before `after` takes its place. None when there is nothing to compare.

        A way back does not wait for answers. Never raises SlipwayError: what cannot be asked is told, and the
        deployment goes on.
        """
        old, new = before.live_revision, after.live_revision
        if old is None or new is None or after.live is None or stack.endpoint is None or after.returning:
            return None
        variants = changed_variants(old, new)
        if not variants or old.asynchronous is not None or new.asynchronous is not None:
            return None
        try:
            asked = self._asked(old, variants)
            if not any(asked.values()):
                return None
            report = Report(stack.environment.name, stack.endpoint, before.live, after.live)
            asking = Comparing(self._session, report, old, variants, asked, several=len(new.variants) > 1)
            asking.ask_old()
        except SlipwayError as error:
            self._console.warn(f"answers cannot be compared: {error.message}", of=stack.label)
            return None
        return asking

    def after(self, comparing: Comparing, stack: Stack) -> Report | None:
        """Ask what serves now, after the deployment, and return the report. Never raises SlipwayError, nor OSError."""
        try:
            report = comparing.ask_new()
            path = self._folder / f"{report.endpoint}-{report.revision}.md"
            report = replace(report, file=str(path))
            write(path, [report])
            write(path.with_suffix(".json"), [report])
        except (SlipwayError, OSError) as error:
            self._console.warn(f"answers cannot be compared: {error}", of=stack.label)
            return None
        for one in report.variants:
            self._console.step(f"Compared: {one.line}", of=stack.label)
        return report

    def _asked(self, old: Revision, variants: Mapping[str, str]) -> dict[str, dict[str, GoldenRequest]]:
        releases = {old.variants[name].release for name in variants} | set(variants.values())
        golden = golden_of(self._session, releases)
        found = {}
        for name, release in variants.items():
            both = (old.variants[name].release, release)
            found[name] = requests_of(golden[both[0]], golden[both[1]], releases=both)
        return found


class Comparing:
    """One comparison: what the old release answered, until the new one is asked."""

    def __init__(
        self,
        session: Session,
        report: Report,
        old: Revision,
        variants: Mapping[str, str],
        asked: Mapping[str, Mapping[str, GoldenRequest]],
        *,
        several: bool,
    ) -> None:
        self._session, self._report, self._several = session, report, several
        self._releases = {name: (old.variants[name].release, release) for name, release in variants.items()}
        self._left_out = sum(max(len(requests) - MOST_REQUESTS, 0) for requests in asked.values())
        self._asked = {name: dict(islice(requests.items(), MOST_REQUESTS)) for name, requests in asked.items()}
        self._old: dict[str, Samples] = {}

    def ask_old(self) -> None:
        """Ask what serves before the deployment."""
        self._old = self._samples()

    def ask_new(self) -> Report:
        """Ask what serves after the deployment, and return the report."""
        new = self._samples()
        variants = tuple(
            VariantReport(
                name,
                *self._releases[name],
                tuple(
                    pair(title, request, self._old[name][title], new[name][title])
                    for title, request in requests.items()
                ),
            )
            for name, requests in self._asked.items()
        )
        return replace(self._report, variants=variants, left_out=self._left_out)

    def _samples(self) -> dict[str, Samples]:
        name = self._session.environment.endpoint_name(self._report.endpoint)
        asker = Asker(self._session, name, total_s=TOTAL_S)
        return {
            variant: {
                title: _sample(asker, request, variant if self._several else None)
                for title, request in requests.items()
            }
            for variant, requests in self._asked.items()
        }


def write(path: Path, reports: list[Report]) -> None:
    """Write reports: as JSON when the file is called so, else as Markdown. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        document: object = [one.as_json() for one in reports]
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    else:
        text = "\n".join(one.markdown() for one in reports)
    path.write_text(text, encoding="utf-8")


def _sample(asker: Asker, request: GoldenRequest, variant: str | None) -> Sample:
    if asker.late:
        return Sample(error="it was not asked: its time was over")
    answer = asker.ask(request, variant)
    asker.pause(PAUSE_S)
    if answer.body is None:
        return Sample(error=answer.error)
    times = () if answer.retried else (answer.latency_ms,)
    return Sample(body=answer.body, content_type=answer.content_type, times=times)
