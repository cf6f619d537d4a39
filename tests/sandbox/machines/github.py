"""Runs GitHub Actions workflows as the runner does: events, needs, if, matrix, outputs, environments, called workflows.

What `uses` names is done by hand: checkout clones, setup-python links tools, artifacts are copied, SARIF is read.
Jobs run one after the other. Whatever the machine does not know is an error, never passed over.
"""

from __future__ import annotations

import itertools
import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.pipelines import documents
from tests.sandbox.estate import Estate
from tests.sandbox.machines.expressions import ExpressionError, evaluate, fill, text
from tests.sandbox.machines.host import Host, Transcript, git
from tests.sandbox.machines.vendor import GitHubServer

KNOWN_JOB = {"concurrency", "env", "environment", "if", "name", "needs", "outputs", "permissions", "runs-on", "steps",
             "strategy", "timeout-minutes", "uses", "with"}  # fmt: skip
KNOWN_STEP = {"env", "id", "if", "name", "run", "uses", "with"}


@dataclass
class Job:
    """How a job ended: success, failure or skipped; and what it hands on."""

    result: str
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass
class Runner:
    """GitHub for one repository. `approve` is asked before a job with an environment: who approved, None for nobody."""

    estate: Estate
    origin: Path
    folder: Path
    server: GitHubServer
    transcript: Transcript
    event: Mapping[str, Any]
    event_name: str
    sha: str
    subject: tuple[str, ...]  # what `python -m sandbox token` is told of a job without an environment
    variables: Mapping[str, str] = field(default_factory=dict)
    approve: Callable[[str], str | None] = lambda _: "nobody asked"
    artifacts: dict[str, Path] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)  # results by the full name of each
    subjects: dict[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def workflow(self, path: str, inputs: Mapping[str, Any] | None = None, within: str = "") -> dict[str, Job]:
        """Run a workflow file of the commit, and return its jobs."""
        document = documents.load(git(self.origin, "show", f"{self.sha}:{path}"))
        done: dict[str, Job] = {}
        for name in _in_order(document["jobs"]):
            job = document["jobs"][name]
            unknown = set(job) - KNOWN_JOB
            assert not unknown, f"the machine does not know {unknown} of job {name}"
            done[name] = self._job(f"{within}{name}", job, done, inputs or {})
        return done

    def _job(self, name: str, job: Mapping[str, Any], done: Mapping[str, Job], inputs: Mapping[str, Any]) -> Job:
        listed = job.get("needs", [])
        needs = {one: done[one] for one in ([listed] if isinstance(listed, str) else listed)}
        contexts: dict[str, Any] = {
            "github": self._github(),
            "inputs": inputs,
            "needs": {one: {"result": job.result, "outputs": job.outputs} for one, job in needs.items()},
            "vars": self.variables,
        }
        results = {one.result for one in needs.values()}
        if not _condition(job.get("if"), contexts, good=results <= {"success"}, bad="failure" in results):
            self.jobs[name] = "skipped"
            self.transcript.heading(f"{name}: skipped")
            return Job("skipped")
        legs = list(self._legs(job, contexts))
        ended = [self._leg(name, job, contexts | more, number) for number, more in enumerate(legs)]
        result = "success" if all(one.result == "success" for one in ended) else "failure"
        self.jobs[name] = result
        return Job(result, {key: value for one in ended for key, value in one.outputs.items()})

    def _legs(self, job: Mapping[str, Any], contexts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        matrix = fill(job.get("strategy", {}).get("matrix"), contexts)
        if matrix is None:
            yield {}
            return
        if "include" in matrix:
            combinations = matrix["include"]
        else:
            combinations = [dict(zip(matrix, values, strict=True)) for values in itertools.product(*matrix.values())]
        assert combinations, "GitHub fails a matrix without any combination"
        for index, one in enumerate(combinations):
            yield {"matrix": one, "strategy": {"job-index": index}}

    def _leg(self, name: str, job: Mapping[str, Any], contexts: Mapping[str, Any], number: int) -> Job:
        label = f"{name} ({', '.join(map(str, contexts['matrix'].values()))})" if "matrix" in contexts else name
        if "uses" in job:
            inputs = {key: text(value) for key, value in fill(job["with"], contexts).items()}
            called = self.workflow(str(job["uses"]).removeprefix("./"), inputs, within=f"{label} / ")
            failed = any(one.result == "failure" for one in called.values())
            return Job("failure" if failed else "success")
        environment = fill(job.get("environment"), contexts)
        self.transcript.heading(label + (f", environment {environment}" if environment else ""))
        if environment is not None and not self._approved(str(environment)):
            return Job("failure")
        return _Leg(self, label, job, dict(contexts), environment, f"{next(self.numbers)}-{number}").run()

    def _approved(self, environment: str) -> bool:
        who = self.approve(environment)
        self.transcript.say(f"[approval of {environment}: {who or 'refused'}]")
        self.server.approvals = [
            {"state": "approved", "environments": [{"name": environment}], "user": {"login": who}}
        ] if who and who != "nobody asked" else []  # fmt: skip
        return who is not None

    def _github(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "event_name": self.event_name,
            "repository": self.server.repository,
            "sha": self.sha,
            "token": "ghs_ofThisJob",
        }


@dataclass
class _Leg:
    runner: Runner
    label: str
    job: Mapping[str, Any]
    contexts: dict[str, Any]
    environment: str | None
    key: str

    def run(self) -> Job:
        """Run the steps in order, and return how it ended."""
        runner = self.runner
        folder = runner.folder / self.key
        folder.mkdir(parents=True)
        self.host = Host(runner.estate, folder, runner.transcript, self._variables(folder))
        self.contexts["steps"] = {}
        failed = False
        for step in self.job["steps"]:
            unknown = set(step) - KNOWN_STEP
            assert not unknown, f"the machine does not know {unknown} of a step"
            if not _condition(step.get("if"), self.contexts, good=not failed, bad=failed):
                continue
            code = self._step(step)
            failed = failed or code != 0
            if "id" in step:
                outcome = "failure" if code else "success"
                self.contexts["steps"][step["id"]] = {"outputs": self._outputs(), "outcome": outcome}
        self.host.put_away()
        outputs = {} if failed else fill(self.job.get("outputs", {}), self.contexts)
        shutil.rmtree(folder / "checkout" / ".git", ignore_errors=True)
        return Job("failure" if failed else "success", outputs)

    def _variables(self, folder: Path) -> dict[str, str]:
        runner, permissions = self.runner, self.job.get("permissions", {})
        found = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "ann",
            "GITHUB_API_URL": runner.server.url,
            "GITHUB_ENV": str(folder / "env"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_REPOSITORY": runner.server.repository,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": runner.sha,
        }
        for name in ("env", "output"):
            (folder / name).touch()
        if permissions.get("id-token") == "write":
            bearer = secrets.token_hex(8)
            runner.server.bearers[self.key] = bearer
            of = ("--environment", self.environment) if self.environment else runner.subject
            runner.subjects[self.key] = of
            found["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{runner.server.url}/identity/{self.key}?api-version=2.0"
            found["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = bearer
        return found

    def _step(self, step: Mapping[str, Any]) -> int:
        if "uses" in step:
            return self._use(str(step["uses"]).partition("@")[0], fill(step.get("with", {}), self.contexts))
        environment = fill({**self.job.get("env", {}), **step.get("env", {})}, self.contexts)
        (self.host.folder / "output").write_text("")
        set_before = dict(line.partition("=")[::2] for line in (self.host.folder / "env").read_text().splitlines())
        return self.host.run(step["run"], {**set_before, **{key: text(value) for key, value in environment.items()}})

    def _outputs(self) -> dict[str, str]:
        return dict(line.partition("=")[::2] for line in (self.host.folder / "output").read_text().splitlines())

    def _use(self, action: str, given: Mapping[str, Any]) -> int:
        runner = self.runner
        runner.transcript.say(f"[{action} {json.dumps(given, sort_keys=True) if given else ''}]")
        if action == "actions/checkout":
            self.host.clone(runner.origin, runner.sha)
        elif action == "actions/upload-artifact":
            self._upload(given)
        elif action == "actions/download-artifact":
            self._download(given)
        elif action == "github/codeql-action/upload-sarif":
            assert json.loads((self.host.checkout / given["sarif_file"]).read_text())["version"] == "2.1.0"
        else:
            assert action == "actions/setup-python", f"the machine does not know {action}"
        return 0

    def _upload(self, given: Mapping[str, Any]) -> None:
        files = sorted(path for path in self.host.checkout.glob(given["path"]) if path.is_file())
        target = self.runner.folder / "artifacts" / given["name"]
        assert not target.exists(), f"an artifact {given['name']} is there already"
        if files:
            top = self.host.checkout / given["path"].partition("*")[0]  # as the action: from the first wildcard on
            for path in files:
                place = target / path.relative_to(top)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)
            self.runner.artifacts[given["name"]] = target

    def _download(self, given: Mapping[str, Any]) -> None:
        for name, folder in self.runner.artifacts.items():
            if Path(name).match(given["pattern"]):
                shutil.copytree(folder, self.host.checkout / given["path"] / name)


def _condition(source: Any, contexts: Mapping[str, Any], *, good: bool, bad: bool) -> bool:
    """Return whether a job or step runs: without a word about the status, only when all before it is good."""
    functions = {"success": lambda: good, "failure": lambda: bad, "cancelled": lambda: False, "always": lambda: True}
    if source is None:
        return good
    said = str(source).removeprefix("${{").removesuffix("}}")
    value = bool(evaluate(said, contexts, functions))
    return value if any(f"{name}()" in said for name in functions) else good and value


def _in_order(jobs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    order: list[str] = []
    while len(order) < len(jobs):
        before = len(order)
        for name, job in jobs.items():
            needs = job.get("needs", [])
            if name not in order and set([needs] if isinstance(needs, str) else needs) <= set(order):
                order.append(name)
        if len(order) == before:
            raise ExpressionError(f"jobs wait for each other or for none: {sorted(set(jobs) - set(order))}")
    return order
