"""The rules for CircleCI's and Concourse's files, beyond their schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.pipelines import commands
from scripts.pipelines.makefile import Target

# https://circleci.com/docs/reference/variables/#built-in-environment-variables
CIRCLE = frozenset({"CIRCLE_SHA1"})
PARAMETER = re.compile(r"<<\s*([\w.-]+)\s*>>")
# https://circleci.com/docs/reference/variables/#pipeline-values
PIPELINE_VALUES = {"pipeline.git.base_revision", "pipeline.project.slug"}
BY_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# ((source:name)) of a var source, ((name)) of the credential manager or of fly's -v: https://concourse-ci.org/docs/vars/
VAR = re.compile(r"\(\((?:([\w-]+):)?([\w.-]+)\)\)")
CONCOURSE_SETTINGS = {"repository", "git-key"}  # what docs/review/pipelines.md says to set


def circleci(path: str, document: Mapping[str, Any], targets: Mapping[str, Target]) -> Iterator[str]:
    """Yield what is wrong with CircleCI's file."""
    for name, executor in document.get("executors", {}).items():
        for image in executor.get("docker", ()):
            if not BY_DIGEST.search(str(image.get("image", ""))):
                yield f"{path}: executor {name}: pin the image by its digest"
    for name, job in document["jobs"].items():
        yield from _circle_job(f"{path}: job {name}", job, document, targets)
    workflows = document.get("workflows", {}).values()
    for workflow in workflows:
        yield from _circle_workflow(path, workflow, document)
    used = {name for workflow in workflows for entry in workflow["jobs"] for name in entry}
    for name in sorted(set(document["jobs"]) - used):
        yield f"{path}: no workflow runs the job {name}"


def _circle_job(
    where: str, job: Mapping[str, Any], document: Mapping[str, Any], targets: Mapping[str, Target]
) -> Iterator[str]:
    if job.get("executor") not in document.get("executors", {}):
        yield f"{where}: there is no executor {job.get('executor')}"
    environment = frozenset(job.get("environment", {}))
    runs = [step["run"] for step in job["steps"] if isinstance(step, Mapping) and "run" in step]
    texts = [run if isinstance(run, str) else str(run["command"]) for run in runs]
    yield from commands.unused("\n".join(texts), environment, where, targets)
    for text in texts:
        if "<<" in text:
            yield f"{where}: no << >> in `run`: put it into `environment`, where no shell reads it"
        yield from commands.problems(text, commands.Scope(where, environment, CIRCLE), targets)
    known = {f"parameters.{name}" for name in job.get("parameters", {})}
    for used in PARAMETER.findall(str(job.get("environment", {}))):
        if used not in known | PIPELINE_VALUES:
            yield f"{where}: << {used} >> is not defined"


def _circle_workflow(path: str, workflow: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    listed: set[str] = set()
    for entry in workflow["jobs"]:
        ((name, settings),) = entry.items() if isinstance(entry, Mapping) else ((entry, {}),)
        where = f"{path}: job {name} of a workflow"
        if name not in document["jobs"]:
            yield f"{where}: there is no such job"
            continue
        for needed in sorted(set(document["jobs"][name].get("parameters", {})) - set(settings)):
            yield f"{where}: needs {needed}"
        for required in settings.get("requires", ()):
            if required not in listed:
                yield f"{where}: requires {required}, which does not stand before it"
        if "context" not in settings:
            yield f"{where}: CircleCI gives an identity token only to a job with a context"
        if "serial-group" not in settings:
            yield f"{where}: say serial-group: two of it must not run at once"
        for used in PARAMETER.findall(str(settings)):
            if used not in PIPELINE_VALUES:
                yield f"{where}: << {used} >> is not known here"
        listed.add(name)


def concourse(path: str, document: Mapping[str, Any], targets: Mapping[str, Target]) -> Iterator[str]:
    """Yield what is wrong with Concourse's file."""
    sources = {source["name"] for source in document.get("var_sources", ())}
    for source, name in VAR.findall(str(document)):
        if source and source not in sources:
            yield f"{path}: there is no var source {source}"
        elif not source and name not in CONCOURSE_SETTINGS:
            yield f"{path}: (({name})) is set nowhere"
    resources = {resource["name"] for resource in document.get("resources", ())}
    for job in document["jobs"]:
        yield from _concourse_job(f"{path}: job {job['name']}", job, resources, targets)


def steps(plan: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the steps of a plan in order, those that run side by side one after the other."""
    for step in plan:
        inner = step.get("in_parallel", step.get("do"))
        if inner is None:
            yield step
        else:
            yield from steps(inner["steps"] if isinstance(inner, Mapping) else inner)


def _concourse_job(
    where: str, job: Mapping[str, Any], resources: set[str], targets: Mapping[str, Target]
) -> Iterator[str]:
    artifacts: set[str] = set()
    if not job.get("serial"):
        yield f"{where}: say `serial: true`: two of it must not run at once"
    for step in steps(job["plan"]):
        if "get" in step or "put" in step:
            name = str(step.get("get", step.get("put")))
            if str(step.get("resource", name)) not in resources:
                yield f"{where}: there is no resource {name}"
            wanted = (step.get("params") or {}).get("repository")
            if "put" in step and wanted not in artifacts:
                yield f"{where}: put {name} needs {wanted}, which no step before it makes"
            artifacts.add(name)
        elif "task" in step:
            yield from _concourse_task(f"{where}, task {step['task']}", step["config"], artifacts, targets)
            artifacts |= {one["name"] for one in step["config"].get("outputs", ())}


def _concourse_task(
    where: str, config: Mapping[str, Any], artifacts: set[str], targets: Mapping[str, Target]
) -> Iterator[str]:
    for needed in config.get("inputs", ()):
        if needed["name"] not in artifacts:
            yield f"{where}: no step before it makes {needed['name']}"
    if not str(config["image_resource"].get("version", {}).get("digest", "")).startswith("sha256:"):
        yield f"{where}: pin the image by version.digest"
    text, environment = str(config["run"]["args"][-1]), frozenset(config.get("params", {}))
    if "((" in text:
        yield f"{where}: no (( )) in its shell: put it into `params`, where no shell reads it"
    yield from commands.problems(text, commands.Scope(where, environment), targets)
    yield from commands.unused(text, environment, where, targets)
