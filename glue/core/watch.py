"""What a watch makes of answers that come while a deployment shifts traffic: whose they are, and what they prove.

Old and new instances stand behind one endpoint and bear the same variant names, so only the answer can say which of
them gave it: the container adds `slipway-release=<id>` to what InvokeEndpoint returns as CustomAttributes
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html), and to its errors.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from glue.core.golden import TRIES, GoldenRequest, difference, judge, printable
from glue.core.revision import Revision

_MARK = re.compile(r"(?:^|[,;\s])slipway-release=([a-z0-9-]{1,64})(?![^,;\s])")
# The container's own words for "not now": they say nothing about its answers.
NOT_NOW = (429, 503)


@dataclass(frozen=True)
class Question:
    """One golden request, for one variant that gets another release."""

    variant: str
    release: str
    request: GoldenRequest


@dataclass(frozen=True)
class Reply:
    """What came back. `release` is whose answer it says it is; `status` and `said` are a failing container's own."""

    release: str | None
    latency_ms: float
    body: bytes | None = None
    status: int = 200
    said: str = ""
    retried: bool = False  # the client asked twice: the time is not the model's


@dataclass(frozen=True)
class Failure:
    """A golden request that the new release answered wrongly, or too slowly each time."""

    variant: str
    release: str
    request: str
    reason: str

    @property
    def text(self) -> str:
        """The failure in words."""
        return f"golden request {self.request!r} of {self.release} on variant {self.variant}: {self.reason}"


@dataclass(frozen=True)
class Verdict:
    """What a watch came to: passed, failed, unseen (the new release answered too little) or skipped.

    `asked` counts the requests, `answered` those that the new release answered, `open` the golden requests that it has
    not answered well yet.
    """

    state: str
    reason: str | None = None
    failure: Failure | None = None
    asked: int = 0
    answered: int = 0
    open: int = 0
    aborted: bool = False

    @property
    def failed(self) -> bool:
        """Whether the deployment must not stand."""
        return self.state == "failed"


def release_in(attributes: str) -> str | None:
    """Return the release that an answer's custom attributes name, None when they name none.

    The first mark counts: the container writes its own before whatever the caller sent.
    """
    found = _MARK.search(attributes)
    return found[1] if found else None


def release_in_error(said: str) -> str | None:
    """Return the release that a container's error names (`{"error": {"release": "…"}}`), None when it names none."""
    release = _error(said).get("release")
    return release if isinstance(release, str) else None


def reason_in_error(said: str) -> str:
    """Return the reason that a container's error gives, in 300 characters; its own words when it gives none."""
    reason = _error(said).get("reason")
    return printable((reason if isinstance(reason, str) else said)[:300])


def _error(said: str) -> Mapping[str, object]:
    try:
        document = json.loads(said)
    except (ValueError, RecursionError):
        return {}
    inner = document.get("error") if isinstance(document, dict) else None
    return inner if isinstance(inner, dict) else {}


def changed_variants(before: Revision | None, after: Revision) -> dict[str, str]:
    """Return the variants that get another release, with it. The first deployment has none: nothing served before."""
    if before is None:
        return {}
    old = {name: variant.release for name, variant in before.variants.items()}
    return {name: v.release for name, v in after.variants.items() if name in old and old[name] != v.release}


def questions(variants: Mapping[str, str], golden: Mapping[str, Sequence[GoldenRequest]]) -> list[Question]:
    """Return what is to be asked of variants (name to release), with each release's golden requests."""
    return [Question(name, release, one) for name, release in variants.items() for one in golden.get(release, ())]


@dataclass
class Ledger:
    """Keeps account of one watch: which questions are open, and whether one has failed."""

    waiting: deque[Question]
    failure: Failure | None = None
    asked: int = 0
    answered: int = 0
    marked: int = 0  # answers that named any release
    _slow: dict[str, int] = field(default_factory=dict)  # late answers in a row, by variant

    @property
    def over(self) -> bool:
        """Whether there is nothing more to ask."""
        return self.failure is not None or not self.waiting

    @property
    def next(self) -> Question:
        """The question to ask now. Raises IndexError when it is over."""
        return self.waiting[0]

    def unanswered(self) -> None:
        """Put the question behind the others: throttled, or nobody knows who failed."""
        self.asked += 1
        self.waiting.rotate(-1)

    def take(self, reply: Reply) -> None:
        """Judge the reply to `next`. Only what the new release says of itself counts."""
        question = self.next
        self.asked += 1
        self.marked += reply.release is not None
        if reply.release != question.release or reply.status in NOT_NOW:
            self.waiting.rotate(-1)
            return
        self.answered += 1
        if reply.body is None:
            self._fail(question, f"the container answered {reply.status}: {reason_in_error(reply.said)}")
            return
        wrong = difference(question.request, reply.body)
        if wrong is not None:
            self._fail(question, wrong)
            return
        late = judge(question.request, answer=reply.body, latency_ms=reply.latency_ms).reason
        if late is None:
            self._slow[question.variant] = 0
            self.waiting.popleft()
        elif reply.retried or not self._too_slow(question):
            self.waiting.rotate(-1)
        else:
            self._fail(question, f"{late}; so did {TRIES} in a row")

    def verdict(self, *, aborted: bool = False, ended: str | None = None) -> Verdict:
        """Return what it came to. `ended` says why nobody asked on, when that was not because all was asked."""
        verdict = Verdict("passed", asked=self.asked, answered=self.answered, open=len(self.waiting))
        if self.failure is not None:
            text = self.failure.text if ended is None else f"{self.failure.text} (the abort failed: {ended})"
            return replace(verdict, state="failed", reason=text, failure=self.failure, aborted=aborted)
        if not self.waiting:
            return verdict
        return replace(verdict, state="unseen", reason=ended or self._why_open())

    def _why_open(self) -> str:
        if self.asked and not self.marked:
            return "the answers do not say which release gave them"
        if not self.answered:
            return "no golden request reached the new release while it was deployed"
        late = max(self._slow.values(), default=0)
        if late:
            return f"the new release answered late {late} times in a row, of {TRIES} that would be a failure"
        missed = f"{len(self.waiting)} golden request{'s' if len(self.waiting) > 1 else ''}"
        return f"{missed} did not reach the new release while it was deployed"

    def _too_slow(self, question: Question) -> bool:
        """Tell whether this late answer is one too many: a new instance's first ones find a cold model."""
        self._slow[question.variant] = self._slow.get(question.variant, 0) + 1
        return self._slow[question.variant] >= TRIES

    def _fail(self, question: Question, reason: str) -> None:
        self.failure = Failure(question.variant, question.release, question.request.name, reason)
