"""The rules for .github/workflows, beyond what GitHub's schema and the linters know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from glue.core import roles
from scripts.pipelines import commands, documents
from scripts.pipelines.makefile import Target
from scripts.pipelines.outputs import VALUES

PINNED = re.compile(r"^\s*(?:- )?uses: ([\w.-]+/[\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$")
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
CONTEXT = re.compile(r"\b(github|needs|steps|matrix|inputs|vars|secrets|env|strategy)\.([\w.-]+)")
TRIGGERS = {"pull_request", "push", "schedule", "workflow_call", "workflow_dispatch"}
RUNNERS = {"ubuntu-24.04"}
VARIABLES = {"CODE_SCANNING"}  # what a repository may set; docs/review/pipelines.md names each
# Facts that nobody outside the repository writes. Texts of a pull request, such as its title and branch, are not here.
FACTS = {
    "event.before", "event.pull_request.base.sha", "event.pull_request.head.repo.full_name",
    "event.pull_request.number", "repository", "sha", "token",
}  # fmt: skip
LEG = {"env", "stack", "endpoint"}  # of the matrix of `slipway touched`
VENDOR = frozenset({"GITHUB_SHA"})
# What each target or action needs of GITHUB_TOKEN: a job has these and no others.
PERMISSIONS: Mapping[str, tuple[str, str]] = {
    "actions/checkout": ("contents", "read"),
    "identity": ("id-token", "write"),
    "approver": ("actions", "read"),
    "PULL_REQUEST": ("pull-requests", "write"),
    "ISSUE": ("issues", "write"),
    "github/codeql-action/upload-sarif": ("security-events", "write"),
}


@dataclass(frozen=True)
class Workflows:
    """All workflow files by their paths: the texts, and what they say."""

    texts: Mapping[str, str]
    documents: Mapping[str, Mapping[str, Any]]
    targets: Mapping[str, Target]
    environments: tuple[str, ...]


def problems(all_: Workflows) -> Iterator[str]:
    """Yield what is wrong with any workflow."""
    for path, document in all_.documents.items():
        yield from _pins(path, all_.texts[path])
        for trigger in _names(document.get("on")):
            if trigger not in TRIGGERS:
                yield f"{path}: `on: {trigger}` runs with this repository's rights for others, or is unknown here"
        if document.get("permissions") != {}:
            yield f"{path}: say `permissions: {{}}` at the top; each job names its own"
        for name, job in document["jobs"].items():
            yield from _job(path, name, job, document, all_)


def _names(on: Any) -> list[str]:
    return [on] if isinstance(on, str) else list(on or ())


def _pins(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"^\s*(?:- )?uses:", line) and "uses: ./" not in line and not PINNED.match(line):
            yield f"{path}:{number}: pin the action by its commit: `uses: a/b@<40 hex digits> # v1.2.3`"


def _job(path: str, name: str, job: Mapping[str, Any], document: Mapping[str, Any], all_: Workflows) -> Iterator[str]:
    where = f"{path}: job {name}"
    wanted = permissions(job, all_)
    if dict(job.get("permissions", {})) != wanted:
        said = ", ".join(f"{key}: {value}" for key, value in sorted(wanted.items()))
        yield f"{where}: its steps need exactly the permissions {said}"
    yield from _expressions(where, job, document, all_)
    if "uses" in job:
        yield from _called(where, job, all_)
        return
    if job.get("runs-on") not in RUNNERS:
        yield f"{where}: runs-on is one of {', '.join(sorted(RUNNERS))}"
    if "timeout-minutes" not in job:
        yield f"{where}: say timeout-minutes; without, it is six hours"
    yield from _steps(where, job, document, all_)


def _called(where: str, job: Mapping[str, Any], all_: Workflows) -> Iterator[str]:
    called = all_.documents.get(str(job["uses"]).removeprefix("./"))
    if called is None:
        yield f"{where}: there is no workflow {job['uses']}"
        return
    inputs = called["on"]["workflow_call"].get("inputs", {})
    given = set(job.get("with", {}))
    for name in sorted(given ^ set(inputs)):
        yield f"{where}: {job['uses']} {'takes no' if name in given else 'needs'} {name}"


def _steps(where: str, job: Mapping[str, Any], document: Mapping[str, Any], all_: Workflows) -> Iterator[str]:
    outer = frozenset({*document.get("env", {}), *job.get("env", {})})
    texts = [str(step["run"]) for step in job["steps"] if "run" in step]
    yield from commands.unused("\n".join(texts), outer, where, all_.targets)
    for number, step in enumerate(job["steps"], 1):
        here = f"{where}, step {number}"
        if "run" in step:
            text, own = str(step["run"]), frozenset(step.get("env", {}))
            if EXPRESSION.search(text):
                yield f"{here}: no ${{{{ }}}} in `run`: put it into `env`, where no shell reads it"
            yield from commands.problems(text, commands.Scope(here, outer | own, VENDOR), all_.targets)
            yield from commands.unused(text, own, here, all_.targets)
            yield from _role(here, step)
        elif _keeps_credentials(step):
            yield f"{here}: say `persist-credentials: false`: nothing here pushes"


def _keeps_credentials(step: Mapping[str, Any]) -> bool:
    is_checkout = str(step.get("uses", "")).startswith("actions/checkout@")
    return is_checkout and (step.get("with") or {}).get("persist-credentials") is not False


def _role(here: str, step: Mapping[str, Any]) -> Iterator[str]:
    role = str(step.get("env", {}).get("ROLE", "plan"))
    stacks = ("foundation", "serving") if "${{ inputs.stack }}" in role else ("",)
    for stack in stacks:
        if role.replace("${{ inputs.stack }}", stack) not in roles.ROLES:
            yield f"{here}: there is no role {role}; known: {', '.join(roles.ROLES)}"


def permissions(job: Mapping[str, Any], all_: Workflows) -> dict[str, str]:
    """Return what a job's steps need of GITHUB_TOKEN; of a called workflow, what its jobs need."""
    if "uses" in job:
        called = all_.documents.get(str(job["uses"]).removeprefix("./"), {"jobs": {}})
        return {key: value for one in called["jobs"].values() for key, value in permissions(one, all_).items()}
    found: dict[str, str] = {}
    for step in job.get("steps", ()):
        words = [str(step.get("uses", "")).partition("@")[0], *step.get("env", {})]
        words += [target for target in ("identity", "approver") if f"make {target}" in str(step.get("run", ""))]
        for word in words:
            if word in PERMISSIONS:
                key, value = PERMISSIONS[word]
                found[key] = value
    return found


def _expressions(where: str, job: Mapping[str, Any], document: Mapping[str, Any], all_: Workflows) -> Iterator[str]:
    text = "\n".join(_texts(job))
    conditions = [str(one["if"]) for one in (job, *job.get("steps", ())) if "if" in one]
    for source in (*EXPRESSION.findall(text), *conditions):
        for context, rest in CONTEXT.findall(source):
            if not _known(context, rest, job, document, all_):
                yield f"{where}: {context}.{rest} is not defined, or may hold what outsiders write"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)


def _known(context: str, rest: str, job: Mapping[str, Any], document: Mapping[str, Any], all_: Workflows) -> bool:
    parts = rest.split(".")
    matrix = job.get("strategy", {}).get("matrix", {})
    inputs = ((document["on"] or {}).get("workflow_call") or {}).get("inputs", {})
    fixed: Mapping[str, Any] = {
        "github": FACTS,
        "vars": VARIABLES,
        "inputs": inputs,
        "matrix": LEG if isinstance(matrix, str) else matrix,
        "strategy": {"job-index"},
    }
    if context == "needs":
        return _of_needs(parts, job, document)
    if context == "steps":
        return _of_steps(parts, job, all_)
    return rest in fixed.get(context, ())


def _of_needs(parts: list[str], job: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    needs = job.get("needs", [])
    if parts[0] not in ([needs] if isinstance(needs, str) else needs):
        return False
    return parts[1:] == ["result"] or (
        parts[1] == "outputs" and parts[2] in document["jobs"][parts[0]].get("outputs", {})
    )


def _of_steps(parts: list[str], job: Mapping[str, Any], all_: Workflows) -> bool:
    step = next((one for one in job.get("steps", ()) if one.get("id") == parts[0]), None)
    if step is None:
        return False
    if parts[1:] == ["outcome"]:
        return True
    made = [name for call in documents.script(str(step["run"])).calls for name in call.targets]
    values = {value for name in made for value in VALUES.get(name, ())}
    if "touched" in made:
        values |= {
            f"{env}_{stack}".replace("-", "_") for env in all_.environments for stack in ("foundation", "serving")
        }
    return parts[1] == "outputs" and parts[2] in values
