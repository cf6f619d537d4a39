"""From a job document to a job: every rule of the queue, all problems at once, nothing stored before all are gone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from glue.core import names
from glue.core.release import check_environment
from glue.core.training import arguments as args
from glue.core.training import keys, request, spot_processing
from glue.core.training.document import DEPTH, LIMIT, MOST_PROBLEMS, Fields, canonical, shown, tree_problems
from glue.core.training.settings import Settings
from glue.core.training.spec import (
    Bound,
    Job,
    JobError,
    Release,
    Retry,
    Spot,
    Validate,
    digest_of,
    new_id,
    of_text,
)
from glue.core.training.words import Kind, Pool, Purchase
from glue.errors import UsageError

__all__ = ["Bound", "Job", "JobError", "Release", "Retry", "Spot", "Validate", "new_id", "of_text", "parse"]

FIELDS = (
    "id",
    "kind",
    "model",
    "owner",
    "priority",
    "instance_types",
    "spot",
    "retry",
    "hyperparameters_from",
    "release",
    "arguments",
)
MOST_FALLBACKS = 5
_ID = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")
_ID_WORDS = "lower-case letters, digits and single hyphens"
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+=/-]{0,63}")
_NOT_OWNER = re.compile(r"[^A-Za-z0-9_.@+=/-]")
_KIND = re.compile("|".join(kind.value for kind in Kind))
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_METRIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@ -]{0,254}")
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")


def parse(
    document: Mapping[str, object], *, settings: Settings, caller: str, now: int, nonce: str, validate: Validate
) -> Job:
    """Return the job. Raises JobError with all problems at once.

    `caller` is the caller's session name, the owner of a job that names none. `nonce` goes into a generated id.
    """
    _bounds(document)
    problems: list[str] = []
    top = Fields(document, "", problems, FIELDS)
    kind_text = top.needed("kind", _KIND, "training, tuning or processing")
    kind = Kind(kind_text) if kind_text else None
    model = _model(top, settings)
    job = Job(
        id=_id(top, kind, model, now=now, nonce=nonce + canonical(document)),
        kind=kind or Kind.TRAINING,
        model=model or "",
        owner=_owner(top, caller),
        priority=top.whole("priority", 5, least=0, most=9),
        instance_types=(),
        instance_count=1,
        spot=_spot(top, problems),
        retry=_retry(top, problems),
        hyperparameters_from=_upstream(top, kind),
        release=_release(top, kind, problems),
        arguments=dict(top.mapping("arguments")),
        digest="",
    )
    if not top.has("arguments"):
        top.problem("arguments", f"is missing; give the members of {request.OPERATIONS[job.kind]}")
    elif kind is not None:
        job = _resources(job, top, settings, problems)
        if model is not None:
            problems += _argument_problems(job, settings, validate, told=problems)
    if problems:
        raise JobError(list(dict.fromkeys(problems))[:MOST_PROBLEMS])
    whole = job.document()
    if not top.has("owner"):
        del whole["owner"]
    return replace(job, digest=digest_of(whole))


def _bounds(document: object) -> None:
    """What must hold before anything else looks at the document."""
    if not isinstance(document, Mapping):
        raise JobError(["the document is no object; give id, kind, model, arguments"])
    if found := list(tree_problems(document)):
        raise JobError(found[:MOST_PROBLEMS])
    try:
        size = len(canonical(document).encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise JobError([f"the document is no JSON of at most {DEPTH} levels ({error})"]) from error
    if size > LIMIT:
        raise JobError([f"the document has {size} bytes; give at most {LIMIT}: put long lists into a file in S3"])


def _id(top: Fields, kind: Kind | None, model: str | None, *, now: int, nonce: str) -> str:
    limit = keys.id_limit(kind or Kind.TRAINING)
    if not top.has("id"):
        return new_id(model or "job", now, nonce, kind=kind or Kind.TRAINING)
    value = top.value("id")
    if isinstance(value, str) and value.startswith("_"):
        top.problem("id", f"is {shown(value)}; names that begin with _ are the queue's own: give {_ID_WORDS}")
        return ""
    found = top.text("id", _ID, f"1 to {limit} {_ID_WORDS}")
    if found is not None and len(found) > limit:
        top.problem(
            "id",
            f"has {len(found)} characters; give at most {limit} "
            f"(with -<attempt> it is SageMaker's name, of {keys.NAME_LIMITS[kind or Kind.TRAINING]})",
        )
    return found or ""


def _model(top: Fields, settings: Settings) -> str | None:
    found = top.needed("model", names.MODEL_NAME, f"one of the queue's models: {', '.join(sorted(settings.models))}")
    if found is not None and found not in settings.models:
        top.problem("model", f"{found} is not known here; give one of: {', '.join(sorted(settings.models)) or 'none'}")
        return None
    return found


def _owner(top: Fields, caller: str) -> str:
    found = top.text("owner", _OWNER, "1 to 64 letters, digits and _.@+=/-")
    return found or _NOT_OWNER.sub("-", caller)[:64].lstrip("_.@+=/-") or "unknown"


def _spot(top: Fields, problems: list[str]) -> Spot | None:
    if not top.has("spot"):
        return None
    spot = Fields(top.value("spot"), "spot", problems, ("max_wait_minutes", "attempts"))
    if not spot.has("max_wait_minutes"):
        spot.problem("max_wait_minutes", "is missing; give the minutes to wait and run in all, 1 to 40320")
    # MaxWaitTimeInSeconds has no limit in the API; 28 days is the longest that a training may run by quota
    return Spot(
        spot.whole("max_wait_minutes", 60, least=1, most=40_320) if spot.has("max_wait_minutes") else 60,
        spot.whole("attempts", 2, least=1, most=20),
    )


def _retry(top: Fields, problems: list[str]) -> Retry:
    if not top.has("retry"):
        return Retry()
    retry = Fields(top.value("retry"), "retry", problems, ("algorithm", "transient", "give_up_after_hours"))
    return Retry(
        retry.whole("algorithm", 0, least=0, most=20),
        retry.whole("transient", 10, least=0, most=100),
        retry.number("give_up_after_hours", 168, above=0, most=8_760),
    )


def _upstream(top: Fields, kind: Kind | None) -> str | None:
    found = top.text("hyperparameters_from", _ID, "the id of a tuning job")
    if found is None:
        return None
    if kind not in (None, Kind.TRAINING):
        top.problem("hyperparameters_from", "is for kind training only: leave it out")
    if found == top.value("id"):
        top.problem("hyperparameters_from", "names the job itself; give the id of a tuning job")
    if len(found) > keys.id_limit(Kind.TUNING):
        top.problem("hyperparameters_from", f"has {len(found)} characters; no tuning job has such an id")
    return found


def _release(top: Fields, kind: Kind | None, problems: list[str]) -> Release | None:
    if not top.has("release"):
        return None
    if kind not in (None, Kind.TRAINING):
        top.problem("release", f"is for kind training only; a {kind} makes no model: leave it out")
    release = Fields(top.value("release"), "release", problems, ("bounds", "commit", "golden", "container_env"))
    bounds = {
        name: bound
        for name, entry in release.mapping("bounds").items()
        if (bound := _bound(name, entry, problems)) is not None
    }
    variables = release.mapping("container_env")
    environment = {name: value for name, value in variables.items() if isinstance(value, str)}
    if len(environment) < len(variables):
        release.problem("container_env", "give strings only, as containers take them")
    try:
        check_environment(environment)
    except UsageError as error:
        release.problem("container_env", error.message)
    commit = release.text("commit", _COMMIT, "a git commit of 7 to 64 hex digits")
    return Release(bounds, commit, release.flag("golden", True), environment)


def _bound(name: str, entry: object, problems: list[str]) -> Bound | None:
    path = f"release.bounds.{name}"
    before = len(problems)
    if not _METRIC.fullmatch(name):
        problems.append(f"{path}: {shown(name)} is no name of a metric")
    fields = Fields(entry, path, problems, ("min", "max"))
    limits = [fields.value("min"), fields.value("max")]
    for side, value in zip(("min", "max"), limits, strict=True):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            fields.problem(side, f"is {shown(value)}; give a number, or null for no bound")
    if len(problems) > before:
        return None
    least, most = (float(value) if isinstance(value, int | float) else None for value in limits)
    if least is None and most is None:
        problems.append(f"{path}: has neither min nor max; give one, or leave the metric out")
    elif any(value is not None and not math.isfinite(value) for value in (least, most)):
        problems.append(f"{path}: give finite numbers")
    elif least is not None and most is not None and least > most:
        problems.append(f"{path}: min {least:g} is above max {most:g}: no value can pass")
    return Bound(least, most)


def _resources(job: Job, top: Fields, settings: Settings, problems: list[str]) -> Job:
    """The job with its instance types and count, each checked against the budgets."""
    asked = args.resources(job.kind, job.arguments)
    fallbacks = top.texts("instance_types")
    if len(fallbacks) > MOST_FALLBACKS:
        top.problem("instance_types", f"has {len(fallbacks)} entries; give at most {MOST_FALLBACKS}")
        fallbacks = fallbacks[:MOST_FALLBACKS]
    if asked.instance_type is None:
        problems.append(f"arguments: no one instance type; give {_WHERE[job.kind]}.InstanceType")
    own = () if asked.instance_type is None else (asked.instance_type,)
    types = tuple(dict.fromkeys((*own, *fallbacks)))
    for entry in types:
        path = f"arguments.{_WHERE[job.kind]}.InstanceType" if entry in own else "instance_types"
        problems += _budget_problems(path, entry, asked.instance_count, job.spot is not None, settings)
    return replace(job, instance_types=types or ("ml.m5.large",), instance_count=asked.instance_count)


_WHERE = {
    Kind.TRAINING: "ResourceConfig",
    Kind.TUNING: "TrainingJobDefinition.ResourceConfig",
    Kind.PROCESSING: "ProcessingResources.ClusterConfig",
}


def _budget_problems(path: str, entry: str, count: int, spot: bool, settings: Settings) -> list[str]:
    known = ", ".join(sorted(settings.instance_types))
    if not _INSTANCE_TYPE.fullmatch(entry) or entry not in settings.instance_types:
        return [f"{path}: {shown(entry)} has no budget in this queue; give one of: {known}"]
    budget = settings.budget(entry, spot=False)
    if count > budget:
        return [f"{path}: {count} instances of {entry} at once; the budget is {budget}: ask for fewer"]
    if spot and count > (most := settings.budget(entry, spot=True)):
        return [
            f"{path}: {count} spot instances of {entry} at once; the spot budget is {most}: ask for fewer, or on demand"
        ]
    return []


def _argument_problems(job: Job, settings: Settings, validate: Validate, *, told: Sequence[str]) -> list[str]:
    """What is wrong with the arguments. Of a member that has a sentence in `told` already, AWS's model says no more."""
    found = list(args.problems(job.kind, job.model, job.arguments, settings))
    if job.spot is not None:
        found += args.checkpoint_problems(job.arguments, job.kind)
        if job.kind is Kind.PROCESSING:
            found += spot_processing.problems(job.arguments)
        runtime, wait = job.max_runtime_seconds, job.spot.max_wait_minutes * 60
        if runtime is not None and wait < runtime:
            found.append(
                f"spot.max_wait_minutes: {job.spot.max_wait_minutes} minutes to wait and run are less than "
                f"MaxRuntimeInSeconds, {runtime}: give {-(-runtime // 60)} or more"
            )
    known = {_path(problem) for problem in (*told, *found)}
    known |= {f"arguments.{name}" for name in request.NAME_MEMBERS.values()}  # made of the id, and as wrong as it
    aws = _service_problems(job, Purchase.ON_DEMAND, settings, validate)
    if job.spot is not None and not found and all(_path(problem) in known for problem in aws):
        aws = _service_problems(job, Purchase.SPOT, settings, validate)
    return found + [problem for problem in aws if _path(problem) not in known]


def _path(problem: str) -> str:
    return problem.partition(": ")[0]


def _service_problems(job: Job, purchase: Purchase, settings: Settings, validate: Validate) -> list[str]:
    """What AWS's own model of the request has against it, for each instance type that it may be made with."""
    found: list[str] = []
    for instance_type in job.instance_types:
        made = request.build(job, attempt=1, pool=Pool(instance_type, purchase), settings=settings)
        found += [f"arguments.{problem}" for problem in validate(made.operation, made.params)]
        if found:
            break
    return found
