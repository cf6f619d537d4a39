"""Runs CircleCI's and Concourse's files as their machines do, as far as the files go; the rest is an error."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.pipelines import documents
from scripts.pipelines.others import steps
from tests.sandbox.estate import Estate
from tests.sandbox.machines.host import Host, Transcript, git, token

ORGANIZATION, PROJECT = "0f1e2d3c-0000-4000-8000-000000000001", "0f1e2d3c-0000-4000-8000-000000000002"


@dataclass
class Circle:
    """CircleCI for one commit on a branch or a tag."""

    estate: Estate
    origin: Path
    folder: Path
    transcript: Transcript
    sha: str
    ref: str  # refs/heads/… or refs/tags/…
    base_revision: str

    def run(self) -> list[str]:
        """Run each workflow whose filters let this ref pass, and return the jobs that ran."""
        document = documents.load(git(self.origin, "show", f"{self.sha}:.circleci/config.yml"))
        ran = []
        for workflow in document["workflows"].values():
            for entry in workflow["jobs"]:
                ((name, settings),) = entry.items()
                if not self._passes(settings["filters"]):
                    continue
                assert set(settings.get("requires", ())) <= set(ran), f"{name} runs before what it requires"
                ran.append(name)
                self._job(name, document["jobs"][name], settings)
        return ran

    def _passes(self, filters: Mapping[str, Mapping[str, str]]) -> bool:
        """A branch runs unless it is filtered away, a tag only when it is asked for.

        https://circleci.com/docs/guides/orchestrate/workflows/#executing-workflows-for-a-git-tag
        """
        kind, name = ("tags", self.ref[10:]) if self.ref.startswith("refs/tags/") else ("branches", self.ref[11:])
        found = filters.get(kind, {})
        if "only" in found:
            return _matches(found["only"], name)
        return kind == "branches" and not _matches(found.get("ignore", "/(?!)/"), name)

    def _job(self, name: str, job: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self.transcript.heading(f"{name}, context {settings['context']}")
        values = {"pipeline.git.base_revision": self.base_revision}
        given = {f"parameters.{key}": _fill(str(settings[key]), values) for key in job.get("parameters", {})}
        host = Host(self.estate, self.folder / name, self.transcript)
        host.folder.mkdir(parents=True)
        identity = token(
            self.estate, "--issuer", "circleci", "--organization", ORGANIZATION, "--project", PROJECT,
            "--repository", "example/slipway", "--ref", self.ref, "--token-version", "2",
        )  # fmt: skip
        host.environment = {
            **{key: _fill(str(value), given) for key, value in job.get("environment", {}).items()},
            "CIRCLE_OIDC_TOKEN_V2": identity,
            "CIRCLE_SHA1": self.sha,
            "CIRCLE_USERNAME": "ann",
            "CIRCLE_WORKFLOW_JOB_ID": f"job-{name}",
        }
        for step in job["steps"]:
            self._step(step, host)
        host.put_away()

    def _step(self, step: Any, host: Host) -> None:
        if step == "checkout":
            host.clone(self.origin, self.sha)
            return
        ((kind, what),) = step.items()
        if kind == "run":
            assert host.run(what, {}) == 0, f"{what} failed: {self.transcript.file}"
        elif kind == "persist_to_workspace":
            for path in what["paths"]:
                shutil.copytree(host.checkout / path, self.folder / "workspace" / path)
        else:
            assert kind == "attach_workspace", f"the machine does not know {kind}"
            shutil.copytree(self.folder / "workspace", host.checkout / what["at"], dirs_exist_ok=True)


def _matches(pattern: str, name: str) -> bool:
    """`/…/` is a pattern for the whole name, anything else the name itself."""
    if pattern.startswith("/") and pattern.endswith("/"):
        return re.fullmatch(pattern[1:-1], name) is not None
    return pattern == name


def _fill(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"<<\s*([\w.-]+)\s*>>", lambda match: values[match[1]], text)


@dataclass
class Concourse:
    """Concourse for one build of one job."""

    estate: Estate
    origin: Path
    folder: Path
    transcript: Transcript

    def run(self) -> None:
        """Run the first job's plan. Raises AssertionError when a step fails."""
        document = documents.load(git(self.origin, "show", "main:pipelines/concourse.yml"))
        (source,) = document["var_sources"]
        assert source["type"] == "idtoken"
        identity = token(self.estate, "--issuer", "concourse", "--audience", source["config"]["audience"][0])
        self.artifacts: dict[str, Path] = {}
        for step in steps(document["jobs"][0]["plan"]):
            if "get" in step:
                self._get(str(step["get"]))
            elif "put" in step:
                self._put(step)
            else:
                self._task(step, {f"(({source['name']}:token))": identity})

    def _get(self, name: str) -> None:
        self.transcript.heading(f"get {name}")
        self.artifacts[name] = self.folder / "artifacts" / name
        self.artifacts[name].mkdir(parents=True)
        if name == "base":
            self.transcript.say(
                "[not fetched: no registry is here, and the sandbox's instances have this machine's Python]"
            )
        if name == "repository":
            git(self.folder, "clone", "--quiet", str(self.origin), str(self.artifacts[name]))

    def _put(self, step: Mapping[str, Any]) -> None:
        """What the git resource does: rebase on what is there, then push (https://github.com/concourse/git-resource)."""
        self.transcript.heading(f"put {step['put']}")
        assert step["params"] == {"repository": "recorded", "rebase": True}
        checkout = self.artifacts["recorded"]
        git(checkout, "fetch", "--quiet", "origin", "main")
        git(checkout, "rebase", "--quiet", "FETCH_HEAD")
        git(checkout, "push", "--quiet", "origin", "HEAD:refs/heads/main")
        self.transcript.say(git(checkout, "log", "-1", "--stat", "--format=%s"))

    def _task(self, step: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        """A container with copies of the inputs; of its outputs only what their paths hold is handed on."""
        config, name = step["config"], step["task"]
        self.transcript.heading(f"task {name}, timeout {step['timeout']}")
        host = Host(self.estate, self.folder / name, self.transcript)
        for one in config["inputs"]:
            place = host.folder / _place(one)
            shutil.copytree(self.artifacts[one["name"]], place, symlinks=True, dirs_exist_ok=True)
        (host.folder / "repository").rename(host.checkout)
        for one in config.get("outputs", ()):
            (host.folder / _place(one).replace("repository", "checkout", 1)).mkdir(parents=True, exist_ok=True)
        host.furnish()
        params = {key: value for key, value in config["params"].items() if key != "BASE"}  # as said at `get base`
        host.environment = {key: secrets.get(value, value) for key, value in params.items()}
        assert config["run"]["args"][:3] == ["-euo", "pipefail", "-c"]
        assert host.run(f"set -u\n{config['run']['args'][3]}", {}) == 0, f"{name} failed: {self.transcript.file}"
        host.put_away()
        for one in config.get("outputs", ()):
            target = self.folder / "artifacts" / one["name"]
            shutil.copytree(
                host.folder / _place(one).replace("repository", "checkout", 1), target,
                symlinks=True, ignore=shutil.ignore_patterns(".venv", ".tools", ".slipway", "functions"),
            )  # fmt: skip
            self.artifacts[one["name"]] = target


def _place(one: Mapping[str, str]) -> str:
    return str(one.get("path") or one["name"])
