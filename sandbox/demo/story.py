"""The story, step by step. Each step runs the product's own commands; nothing here knows how they do it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sandbox.demo import aws
from sandbox.demo.commit import commit_of
from sandbox.demo.report import Report
from sandbox.demo.shell import ROOT, Shell
from sandbox.demo.witness import Witness, enforcement
from sandbox.settings import APPLICATION_ROLE, ENVIRONMENT_ACCOUNTS

CHAIN = tuple(ENVIRONMENT_ACCOUNTS)
MODEL = ENDPOINT = "ranker"
REFUSED = 3
FAULT = "bad-bake"  # of the scenario failed-canary
# What production's history must tell, in this order; told again on the same accounts, more.
STORY = ("promote done", "promote failed", "promote done", "rollback done")
Item = TypeVar("Item")
Result = TypeVar("Result")
# The second release is better because it may grow more and larger trees; see models/ranker/model.toml.
TRAININGS: dict[str, dict[str, str]] = {
    "first": {},
    "second": {"rounds": "200", "leaves": "15", "learning_rate": "0.08"},
}


class Story:
    """Tells the main job once. Told again on the same accounts, it changes nothing that need not change."""

    def __init__(self, *, shell: Shell, report: Report, output: Path) -> None:
        self.shell, self.report, self.output = shell, report, output
        self.question: dict[str, Any] = json.loads(aws.QUESTION.read_text())
        self.answers: dict[str, Any] = {}
        self.commit, committed = commit_of(ROOT)
        self.named = () if committed else ("--commit", self.commit)
        if not committed:
            report.show.note("No commit holds the model's files as they are: the image is named by their content.")

    def tell(self) -> None:
        """Run every chapter. Raises StepError where one cannot go on; checks that fail are noted and passed over."""
        show = self.report.show
        show.chapter("Three accounts")
        self.prepare("bootstrap")
        settings = self.shell.environment
        witness = Witness(Path(settings["SANDBOX_HOME"]), enforcement=enforcement(settings["AWS_ENDPOINT_URL"]))
        self.prepare("foundation")
        show.chapter("A model")
        image = self.image()
        first = self.release("first", image)
        show.chapter("Up the chain")
        for environment in CHAIN:
            self.promote("first", first, environment)
        self.ask("first")
        show.chapter("A better model, a bad day, and back again")
        second = self.release("second", image)
        self.refused(second)
        for environment in CHAIN[:-1]:
            self.promote("second", second, environment)
        self.bad_day(first, second)
        self.promote("second", second, CHAIN[-1], "--retry")
        self.ask("second")
        self.compare(first, second)
        self.rollback(first, second)
        self.ask("rolled back")
        self.check_same_answer("first", "rolled back")
        show.chapter("Again, and nothing changes")
        self.second_plans()
        self.rerun(first, second)
        show.chapter("Proof")
        self.proven(first, second)
        self.look()
        witness.testify(self.report)
        self.report.ended = True

    def prepare(self, stack: str) -> None:
        """Plan and apply a stack in all accounts, side by side."""
        with self.report.step(f"{stack} in three accounts"):
            _side_by_side(lambda environment: self._plan_and_apply(environment, stack), CHAIN)

    def image(self) -> str:
        """Build the golden image and push it to dev; the registry copies it on. Returns its URI by digest."""
        with self.report.step("image: build, push, replicate"):
            self.shell.slipway("image", "build", "--model", MODEL, *self.named)
            pushed = self.shell.slipway("image", "push", "--model", MODEL, "--env", CHAIN[0])
        digest = str(pushed["digest"])
        for environment in CHAIN:
            held = aws.replicated(environment, f"slipway/{MODEL}", digest)
            self.report.check(f"{environment}'s own registry holds the image", held, digest[:19])
        url = aws.foundation(CHAIN[0])["models"][MODEL]["repository_url"]
        return f"{url}@{digest}"

    def release(self, which: str, image: str) -> str:
        """Give the queue a training job and wait for the release that is made of it. Returns the release's id."""
        digest = image.partition("@")[2]
        job = self.output / f"job-{which}.json"
        job.write_text(json.dumps(self._job(which, f"{MODEL}-{which}-{digest[7:15]}"), indent=2))
        with self.report.step(f"train and release the {which} model"):
            submit = ("train", "submit", str(job), "--env", CHAIN[0], "--image", digest)
            done = self.shell.slipway(*submit, "--wait", "--timeout-minutes", "15", "--yes")
        (ended,) = done["jobs"]
        self.report.check(
            f"the queue trained the {which} model at the first attempt",
            (ended["status"], ended["attempt"]) == ("Completed", 1),
            f"{ended['status']}, attempt {ended['attempt']} {ended['reason'] or ''}",
        )
        release = str(ended["release"])
        manifest = self.shell.slipway("release", "show", release, "--env", CHAIN[0])
        self.report.releases[which] = {"release": release, "manifest": manifest}
        return release

    def _job(self, which: str, name: str) -> dict[str, Any]:
        """Return a job document. The model is not made when it misses the bounds that its settings name."""
        return {
            "id": name,
            "kind": "training",
            "model": MODEL,
            "owner": "search",
            "release": {"commit": self.commit, "bounds": {"ndcg_at_10": {"min": 0.8}}},
            "arguments": {
                "AlgorithmSpecification": {"TrainingInputMode": "File"},
                "HyperParameters": TRAININGS[which],
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
                "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            },
        }

    def refused(self, release: str) -> None:
        """Production takes nothing that qa has not proven; told again, qa has."""
        environment, before = CHAIN[-1], CHAIN[-2]
        if aws.evidence(before, MODEL, [release])[release]:
            self.report.show.note(f"{before} has proven {release} before: nothing to refuse.")
            return
        done = self.shell.slipway("promote", release, "--to", environment, "--apply", "--yes", expect=(0, 1, 3))
        why = _short(done.get("error", done))
        refused = done.get("error") is not None and done["error"].get("exit_code") == REFUSED
        self.report.check(f"{environment} refuses what {before} has not proven", refused, why)

    def bad_day(self, first: str, second: str) -> None:
        """An alarm rings while production's canary bakes: SageMaker goes back, and so does the command."""
        environment = CHAIN[-1]
        fault = (sys.executable, "-m", "sandbox", "fault")
        self.shell.run(*fault, "clear", FAULT, expect=(0, 1))  # a story that was broken off may have left it
        self.shell.run(*fault, "load", "failed-canary")
        with self.report.step(f"promote {second} to {environment}, and an alarm rings"):
            done = self.shell.slipway("promote", second, "--to", environment, "--apply", "--yes", expect=(1,))
        self.shell.run(*fault, "clear", FAULT)
        self.note_plan(f"failed promotion to {environment}", done)
        ended = done["endpoints"][0]
        self.report.check("a failed promotion says so", "alarm" in ended["failure"], ended["failure"])
        live = aws.live(environment, ENDPOINT)
        self.report.check(f"{environment} still serves {first}", live["release"] == first, live["live_config"])
        again = self.shell.slipway("promote", second, "--to", environment, "--apply", "--yes", expect=(0, 1, 3))
        refused = again.get("error") is not None and again["error"].get("exit_code") == REFUSED
        self.report.check("what failed is not retried by accident", refused, _short(again.get("error", again)))
        plans = self._plan_to_read((environment, "serving"))
        self.report.check(
            "the plan after it is empty", all(plan.get("empty") is True for plan in plans), plans[0].get("changes", "")
        )
        aws.wait_until_quiet(environment, ENDPOINT)

    def promote(self, which: str, release: str, environment: str, *options: str) -> None:
        """Promote and apply; then ask AWS what is live."""
        key = f"promote {release} to {environment}"
        with self.report.step(key):
            done = self.shell.slipway("promote", release, "--to", environment, "--apply", "--yes", *options)
        self.note_plan(f"{which} promotion to {environment}", done)
        live = aws.live(environment, ENDPOINT)
        self.report.check(f"{environment} serves {release}", live["release"] == release, live["live_config"])
        own = ENVIRONMENT_ACCOUNTS[environment]
        self.report.check(
            f"{environment} needs only its own account",
            own in live["image"] and f"-{own}/" in live["model_data_url"],
            live["model_data_url"],
        )
        self.status(f"after promoting {release} to {environment}")

    def ask(self, when: str) -> None:
        """Invoke production twice: through the invoker function, and from the application's account."""
        environment = CHAIN[-1]
        name = f"slipway-{environment}-{ENDPOINT}"
        own = ENVIRONMENT_ACCOUNTS[environment]
        with self.report.step(f"ask production ({when})"):
            self._asked(when, "invoker function", lambda: aws.ask_invoker(environment, ENDPOINT, self.question))
            runtime = aws.as_caller(environment, ENDPOINT, "search", own)
            self._asked(
                when, f"caller role from {APPLICATION_ROLE}", lambda: aws.ask_endpoint(runtime, name, self.question)
            )
        both = [request["answer"] for request in self.report.requests[-2:]]
        self.answers[when] = both[0]
        self.report.check("both ways give the same answer", both[0] == both[1], _short(both[0]))

    def compare(self, first: str, second: str) -> None:
        """The second release must be better, and must answer differently."""
        metric = "ndcg_at_10"
        values = [self._metric(which, metric) for which in ("first", "second")]
        self.report.check("the second model is better", values[1] > values[0], f"{metric} {values[0]} -> {values[1]}")
        self.report.check(
            "the second model answers", self.answers["first"] != self.answers["second"], f"{first}, {second}"
        )

    def rollback(self, first: str, second: str) -> None:
        """Go back in production: one in-place update."""
        environment = CHAIN[-1]
        with self.report.step(f"roll back {environment}"):
            done = self.shell.slipway("rollback", "--env", environment, "--endpoint", ENDPOINT, "--yes")
        self.note_plan("rollback", done)
        live = aws.live(environment, ENDPOINT)
        self.report.check(
            f"{environment} serves {first} again, not {second}", live["release"] == first, live["live_config"]
        )
        self.status("after the rollback")

    def check_same_answer(self, before: str, after: str) -> None:
        """After a rollback the old answers are back, to the last digit."""
        self.report.check(
            "the first answers are back", self.answers[before] == self.answers[after], _short(self.answers[after])
        )

    def second_plans(self) -> None:
        """Nothing is left to do in any stack of any account, in the reading role that pull requests plan with."""
        stacks = [(environment, stack) for stack in ("bootstrap", "foundation", "serving") for environment in CHAIN]
        with self.report.step("second plans of all stacks"):
            plans = _side_by_side(self._plan_to_read, stacks)
        for (environment, stack), results in zip(stacks, plans, strict=True):
            for result in results:
                self.report.check(
                    f"the plan of {environment}/{stack} is empty",
                    result.get("empty") is True,
                    result.get("changes", ""),
                )

    def rerun(self, first: str, second: str) -> None:
        """Promoting again what is live changes nothing and costs a handful of reads."""
        for environment in CHAIN:
            release = first if environment == CHAIN[-1] else second
            with self.report.step(f"promote {release} to {environment} again"):
                done = self.shell.slipway("promote", release, "--to", environment, "--apply", "--yes")
            self.report.check(
                f"promoting to {environment} again changes nothing", done["changed"] is False, done.get("calls", "")
            )

    def proven(self, first: str, second: str) -> None:
        """Ask the truth everywhere, look for the evidence, and read what happened to production."""
        for environment in CHAIN:
            with self.report.step(f"verify {environment}"):
                done = self.shell.slipway("verify", "--env", environment, "--endpoint", ENDPOINT, expect=(0, 1, 3))
            truth = done["endpoints"][0]["truth"]
            self.report.check(
                f"the truth check of {environment} holds", truth["state"] == "true", "; ".join(truth["reasons"])
            )
            records = aws.evidence(environment, MODEL, (first, second))
            self.report.check(
                f"{environment} signed what it proved of both releases", all(records.values()), str(records)
            )
        told = self.shell.slipway("history", "--env", CHAIN[-1], "--endpoint", ENDPOINT)
        outcomes = [f"{record['action']} {record['outcome']}" for record in reversed(told["records"])]
        self.report.check("production's history tells of it all", _in_order(STORY, outcomes), ", ".join(outcomes))

    def look(self) -> None:
        """Note what is live everywhere, from AWS."""
        for environment, account in ENVIRONMENT_ACCOUNTS.items():
            live = aws.live(environment, ENDPOINT)
            self.report.environments[environment] = {"account_id": account, "endpoints": {ENDPOINT: live}}
        moved = sum(s.artifact_bytes_through_client for s in self.report.steps if s.name.startswith("promote"))
        self.report.check("no archive passed through the client in a promotion", moved == 0, f"{moved} bytes")

    def status(self, when: str) -> None:
        """Keep what `slipway status` says at this point."""
        self.report.status[when] = self.shell.slipway("status")

    def note_plan(self, name: str, done: dict[str, Any]) -> None:
        """Keep the first plan text of each kind that a command reports."""
        text = done.get("plan_text")
        if text and name not in self.report.plans:
            path = self.output / f"plan-{name.replace(' ', '-')}.txt"
            path.write_text(str(text))
            self.report.plans[name] = str(path)

    def _plan(self, place: tuple[str, str]) -> list[dict[str, Any]]:
        environment, stack = place
        return list(self.shell.slipway("plan", "--env", environment, "--stack", stack)["results"])

    def _plan_to_read(self, place: tuple[str, str]) -> list[dict[str, Any]]:
        """Plan as a pipeline does that holds the plan role's own keys and no profile."""
        environment, stack = place
        keys = aws.in_role(environment, "plan") | {"AWS_CONFIG_FILE": os.devnull}
        return list(self.shell.slipway("plan", "--env", environment, "--stack", stack, settings=keys)["results"])

    def _plan_and_apply(self, environment: str, stack: str) -> None:
        self._plan((environment, stack))
        self.shell.slipway("apply", "--env", environment, "--stack", stack)

    def _metric(self, which: str, name: str) -> float:
        return float(self.report.releases[which]["manifest"]["metrics"][name])

    def _asked(self, when: str, way: str, ask: Callable[[], dict[str, Any]]) -> None:
        began = time.monotonic()
        answer = ask()
        took = round((time.monotonic() - began) * 1000, 1)
        self.report.requests.append(
            {"when": when, "environment": CHAIN[-1], "endpoint": ENDPOINT, "way": way, "milliseconds": took}
            | {"question": self.question}
            | answer
        )
        self.report.check(f"production answers through the {way}", answer["status"] == 200, f"{took} ms")


def _side_by_side(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Run work for each item at once; the first error is raised after all have ended."""
    with ThreadPoolExecutor(max_workers=3) as pool:
        return list(pool.map(work, items))


def _in_order(wanted: Sequence[str], found: Sequence[str]) -> bool:
    """Tell whether all that is wanted was found in this order, whatever lies between."""
    rest = iter(found)
    return all(one in rest for one in wanted)


def _short(answer: object) -> str:
    text = json.dumps(answer)
    return text if len(text) <= 100 else f"{text[:97]}..."
