"""Jobs on their way into the queue: prepared one by one, sent in batches, none hidden by another."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue.core import overrides
from glue.core.overrides import Override
from glue.errors import AccessDeniedError, AwsError, CredentialsError
from glue.training_files import Entry
from glue.training_yaml import scalar

if TYPE_CHECKING:
    from glue.aws.function_url import Answer

BATCH = 25
AT_ONCE = 4
LARGEST = 64 * 1024  # bytes of a document

SUBMITTED, KNOWN, REFUSED, UNSENT, CHECKED = "submitted", "known", "refused", "unsent", "checked"

Post = Callable[[Mapping[str, object]], "Answer"]
Check = Callable[[Mapping[str, object]], Sequence[str]]
Image = Callable[[str, str], str]
Name = Callable[[Mapping[str, object]], str]


@dataclass(frozen=True)
class Sent:
    """What became of one document: SUBMITTED, KNOWN (it was there), REFUSED, UNSENT; CHECKED in a dry run."""

    where: str
    id: str | None
    status: str
    errors: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it for a JSON result."""
        return {"file": self.where, "id": self.id, "status": self.status, "errors": list(self.errors)}


@dataclass(frozen=True)
class Job:
    """A document that is ready to be sent; it has an id."""

    where: str
    id: str
    document: Mapping[str, object]


@dataclass(frozen=True)
class Preparer:
    """Makes jobs of documents: changes of `--set`, the image of `--image`, an id, and every check there is."""

    changes: Sequence[Override]
    image: str | None
    resolve: Image  # (model, reference) -> image by digest; raises ValueError
    check: Check  # what is wrong with a document
    name: Name  # an id for a document without one

    def __call__(self, entry: Entry) -> Job | Sent:
        """Return the job, or why it is refused."""
        if entry.document is None:
            return Sent(entry.where, None, REFUSED, (entry.error or "",))
        given = entry.document.get("id")
        shown = given if isinstance(given, str) else None
        try:
            document = overrides.apply(entry.document, self.changes, scalar=scalar)
            if self.image is not None:
                document = with_image(document, self.image, self.resolve)
        except ValueError as error:
            return Sent(entry.where, shown, REFUSED, (str(error),))
        if document.get("id") is None:
            document = {**document, "id": self.name(document)}
        problems = self._problems(document)
        if problems:
            return Sent(entry.where, shown, REFUSED, tuple(problems))
        return Job(entry.where, str(document["id"]), document)

    def _problems(self, document: Mapping[str, object]) -> Sequence[str]:
        size = len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
        if size > LARGEST:
            return [f"the document has {size:,} bytes; at most {LARGEST:,} are taken. Put data into S3."]
        return self.check(document)


def with_image(document: Mapping[str, object], reference: str, resolve: Image) -> dict[str, object]:
    """Return the document with an image, by digest, where its kind has it. Raises ValueError, or as `resolve`."""
    model, arguments = document.get("model"), document.get("arguments")
    if not isinstance(model, str) or not isinstance(arguments, Mapping):
        raise ValueError("--image needs a document with model and arguments")
    image = resolve(model, reference)
    kind = document.get("kind", "training")
    if kind == "processing":
        changed = _inside(arguments, ("AppSpecification", "ImageUri"), image)
    elif kind != "tuning":
        changed = _inside(arguments, ("AlgorithmSpecification", "TrainingImage"), image)
    elif isinstance(several := arguments.get("TrainingJobDefinitions"), list):
        inner = [_inside(one, ("AlgorithmSpecification", "TrainingImage"), image) for one in several]
        changed = {**arguments, "TrainingJobDefinitions": inner}
    else:
        changed = _inside(arguments, ("TrainingJobDefinition", "AlgorithmSpecification", "TrainingImage"), image)
    return {**document, "arguments": changed}


def _inside(value: object, path: Sequence[str], image: str) -> dict[str, object]:
    if value is not None and not isinstance(value, Mapping):
        raise ValueError(f"{path[0]} has no place: its parent is a single value")
    inner = dict(value or {})
    inner[path[0]] = image if len(path) == 1 else _inside(inner.get(path[0]), path[1:], image)
    return inner


def submit(prepared: Iterable[Job | Sent], post: Post, *, batch: int = BATCH, at_once: int = AT_ONCE) -> Iterator[Sent]:
    """Send jobs in batches, a few at once, and yield what became of each document, in order.

    Those that wait for a tuning come last: it may be among the others, and must be there first. So do those whose id
    another one bears: the first is the job, however many are sent at once. Only a few batches are
    in memory. A batch that cannot be sent hides no other; after an answer that denies, or that takes the credentials
    for bad, nothing more is sent.
    """
    sender = _Sender(post)
    later: list[Job | Sent] = []
    for part in (_first(prepared, later), later):
        yield from _submit(part, sender, batch, at_once)


def _first(prepared: Iterable[Job | Sent], later: list[Job | Sent]) -> Iterator[Job | Sent]:
    seen: set[str] = set()
    for one in prepared:
        if isinstance(one, Job) and ("hyperparameters_from" in one.document or one.id in seen):
            later.append(one)
        else:
            if isinstance(one, Job):
                seen.add(one.id)
            yield one


def _submit(prepared: Iterable[Job | Sent], sender: _Sender, batch: int, at_once: int) -> Iterator[Sent]:
    waiting: deque[tuple[list[Job | Sent], Future[list[Sent]]]] = deque()
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        for group in _batches(prepared, batch):
            jobs = [one for one in group if isinstance(one, Job)]
            waiting.append((group, pool.submit(sender.send, jobs)))
            if len(waiting) > at_once:
                yield from _merged(*waiting.popleft())
        while waiting:
            yield from _merged(*waiting.popleft())


def _merged(group: Sequence[Job | Sent], sent: Future[list[Sent]]) -> Iterator[Sent]:
    """Yield a group's results in the order of its documents."""
    results = iter(sent.result())
    for one in group:
        yield one if isinstance(one, Sent) else next(results)


def _batches(prepared: Iterable[Job | Sent], size: int) -> Iterator[list[Job | Sent]]:
    """Yield groups with at most `size` jobs each; refused documents cost no place, but end a group that is long."""
    group: list[Job | Sent] = []
    jobs = 0
    for one in prepared:
        group.append(one)
        jobs += isinstance(one, Job)
        if jobs == size or len(group) == 4 * size:
            yield group
            group, jobs = [], 0
    if group:
        yield group


class _Sender:
    """Sends batches until one is answered in a way that all others would be, too."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._useless: str | None = None

    def send(self, jobs: Sequence[Job]) -> list[Sent]:
        """Return what became of each job, in order."""
        if not jobs:
            return []
        try:
            answer = self._ask(jobs)
        except AwsError as error:
            return _all(jobs, UNSENT, self._useless or error.message)
        if answer.status == 200:
            return _results(jobs, answer.document)
        if len(jobs) == 1:
            return _all(jobs, REFUSED, str(answer.document.get("message", "it was refused without a reason")))
        half = len(jobs) // 2  # one of them spoils the request: find it
        return self.send(jobs[:half]) + self.send(jobs[half:])

    def _ask(self, jobs: Sequence[Job]) -> Answer:
        if self._useless is not None:
            raise AwsError(self._useless)
        try:
            return self._post({"jobs": [job.document for job in jobs]})
        except (AccessDeniedError, CredentialsError) as error:
            self._useless = str(error)
            raise


def _all(jobs: Sequence[Job], status: str, why: str) -> list[Sent]:
    return [Sent(job.where, job.id, status, (why,)) for job in jobs]


def _results(jobs: Sequence[Job], document: Mapping[str, object]) -> list[Sent]:
    results = document.get("results")
    if not isinstance(results, list) or [_field(one, "id") for one in results] != [job.id for job in jobs]:
        return _all(jobs, UNSENT, "the function answered for other jobs than it was asked for")
    return [_sent(job, one) for job, one in zip(jobs, results, strict=True)]


def _sent(job: Job, result: Mapping[str, object]) -> Sent:
    status, errors = result.get("status"), result.get("errors")
    texts = tuple(map(str, errors)) if isinstance(errors, list) else ()
    if status not in {SUBMITTED, KNOWN, REFUSED}:
        return Sent(job.where, job.id, UNSENT, (f"the function says {status!r}, which this version does not know",))
    return Sent(job.where, job.id, str(status), texts)


def _field(one: object, name: str) -> object:
    return one.get(name) if isinstance(one, Mapping) else None


def nonce() -> str:
    """Return six random hexadecimal digits."""
    return secrets.token_hex(3)
