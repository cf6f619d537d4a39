"""Bad days for the training queue: SageMaker that throttles, refuses and loses answers, functions that are killed.

On top of `queue_support.World`, whose functions are the real ones. Here are the faults, and what must always hold.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from glue.core.training.settings import InstanceType
from glue.core.training.words import Pool, Purchase
from tests.unit.queue_support import CALLER, TERMINAL, Clock, Killed, MemoryJobs, World

# isort: split
import queue_cancel  # found from here on
import queue_submit
from queue_jobs import WORDS, CallError, Listing, UnansweredError

BUDGETS = {"ml.m5.large": InstanceType(3, 2, 0.115), "ml.m5.xlarge": InstanceType(2, 1, None)}
RUNNING = ("InProgress", "Stopping")
QUOTA = (
    "The account-level service limit 'ml.m5.large for training job usage' is 3 Instances, with current utilization "
    "of 3 Instances and a request delta of 1 Instances."
)
FAULTS: Mapping[str, Exception] = {
    "throttled": CallError("ThrottlingException", "Rate exceeded", 400),
    "quota": CallError("ResourceLimitExceeded", QUOTA, 400),
    "capacity": CallError("CapacityError", "Unable to provision requested ML compute capacity", 400),
    "denied": CallError("AccessDeniedException", "not authorized to perform sagemaker:CreateTrainingJob", 400),
    "broken": CallError("InternalFailure", "", 500),
    "unanswered": UnansweredError("read timed out"),
    "refused": CallError("ValidationException", "No S3 objects found under S3 URL", 400),
}
UNCERTAIN = ("broken", "unanswered")
# How attempts end: SageMaker's status, reason, secondary status.
ENDS: Mapping[str, tuple[str, str | None, str | None]] = {
    "completed": ("Completed", None, None),
    "algorithm": ("Failed", "AlgorithmError: exit code 1", None),
    "client": ("Failed", "ClientError: no such channel", None),
    "capacity": ("Failed", "CapacityError: Unable to provision requested ML compute capacity", None),
    "internal": ("Failed", "InternalServerError: We encountered an internal error. Please try again.", None),
    "max-wait": ("Stopped", None, "MaxWaitTimeExceeded"),
    "runtime": ("Stopped", None, "MaxRuntimeExceeded"),
    "unexplained": ("Failed", None, None),
}


class BadJobs(MemoryJobs):
    """SageMaker with faults in store, which watches the budgets itself."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.faults: deque[tuple[str, bool]] = deque()  # name, and whether an uncertain one did its work
        self.page_faults = 0
        self.most: Counter[Pool] = Counter()
        self.made: list[str] = []

    def create(self, kind: str, request: Mapping[str, Any]) -> None:
        """Make a job, or fail as planned."""
        if self.faults:
            name, done = self.faults.popleft()
            if name in UNCERTAIN and done:
                self._make(kind, request)
            raise FAULTS[name]
        self._make(kind, request)

    def _make(self, kind: str, request: Mapping[str, Any]) -> None:
        before = len(self.jobs)
        try:
            super().create(kind, request)
        finally:  # it may be made, and the function be killed before it hears of it
            self.made += [name for _, name in list(self.jobs)[before:]]
            for pool, count in self.running().items():
                self.most[pool] = max(self.most[pool], count)

    def page(self, kind: str, since_ms: int, token: str | None) -> Listing:
        """Return a page, unless it is throttled; every other page is empty and not the last."""
        if self.page_faults > 0:
            self.page_faults -= 1
            self.lists.append(self.clock.now)
            raise CallError("ThrottlingException", "Rate exceeded", 400)
        if token is None or not token.startswith("+"):
            return _skipping(super().page(kind, since_ms, token))
        self.lists.append(self.clock.now)
        return Listing([], token.removeprefix("+"))

    def running(self) -> Counter[Pool]:
        """Return the instances that run, as AWS's quotas count them."""
        found: Counter[Pool] = Counter()
        for (kind, _), job in self.jobs.items():
            if job[WORDS[kind].status] in RUNNING:
                pool, count = occupied(kind, job)
                found[pool] += count
        return found

    def names(self, *statuses: str) -> list[tuple[str, str]]:
        """Return kind and name of the jobs in one of these statuses."""
        return [key for key, job in self.jobs.items() if job[WORDS[key[0]].status] in statuses]


def occupied(kind: str, job: Mapping[str, Any]) -> tuple[Pool, int]:
    """Return what a remote job occupies."""
    if kind == "processing":
        cluster = job["ProcessingResources"]["ClusterConfig"]
        return Pool(cluster["InstanceType"], Purchase.ON_DEMAND), cluster["InstanceCount"]
    holder = job["TrainingJobDefinition"] if kind == "tuning" else job
    resources = holder["ResourceConfig"]
    spot = holder.get("EnableManagedSpotTraining", False)
    parallel = 1
    if kind == "tuning":
        parallel = job["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
    pool = Pool(resources["InstanceType"], Purchase.SPOT if spot else Purchase.ON_DEMAND)
    return pool, parallel * resources["InstanceCount"]


def _skipping(page: Listing) -> Listing:
    return page if page.following is None else Listing(page.jobs, f"+{page.following}")


class Trap:
    """Counts the calls of a run, and does something at one of them: kills it, or lets somebody else go first."""

    def __init__(self) -> None:
        self._left = 0
        self._action: Callable[[], None] | None = None
        self.sprung = 0

    def set(self, calls: int, action: Callable[[], None]) -> None:
        self._left, self._action = calls, action

    def clear(self) -> None:
        self._action = None

    def __call__(self, _: str) -> None:
        if self._action is None:
            return
        self._left -= 1
        if self._left == 0:
            action, self._action = self._action, None
            self.sprung += 1
            action()


def kill() -> None:
    """End the function here and now."""
    raise Killed


class BadWorld(World):
    """A queue with small budgets whose calls can be trapped, before they do their work or after."""

    def __init__(self) -> None:
        super().__init__(instance_types=BUDGETS)
        self.jobs: BadJobs = BadJobs(self.clock)
        self.trap = Trap()
        for part in (self.table, self.jobs, self.outlets):
            part.before = part.after = self.trap
        self._nonce = 0

    def launch(self, seconds: float = 55.0, run: str = "", **more: Any) -> dict[str, Any]:
        """Launch by the real function; each run has a token of its own, as in Lambda."""
        self._nonce += 1
        return super().launch(seconds, run or f"run-{self._nonce}", **more)

    def post(self, *documents: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Submit documents by the real function."""
        return queue_submit.submit([dict(one) for one in documents], CALLER, self.counter)

    def cancel(self, *ids: str) -> list[str]:
        """Cancel jobs by the real function."""
        return [one["status"] for one in queue_cancel.cancel(ids, CALLER, self.counter)]

    @property
    def counter(self) -> Any:
        """What submissions need."""
        self._nonce += 1
        nonce = f"{self._nonce:06x}"
        return queue_submit.Counter(self.services, self.settings, self.clock, lambda: nonce, lambda *_: ())

    def end_remote(self, kind: str, name: str, how: str) -> dict[str, Any]:
        """End a remote job, and return the event that tells of it."""
        status, reason, secondary = ENDS[how]
        if self.jobs.jobs[kind, name][WORDS[kind].status] == "Stopping" and how != "internal":
            status, reason, secondary = "Stopped", None, "Stopped"
        more: dict[str, Any] = {"FailureReason": reason} if reason else {}
        if secondary and kind == "training":
            more["SecondaryStatus"] = secondary
        if kind == "tuning" and status == "Completed":
            best = {"TrainingJobName": f"{name}-001-aa", "TunedHyperParameters": {"rounds": "30"}}
            more["BestTrainingJob"] = best
        return self.jobs.end(name, status, kind, **more)

    def row(self, job: str) -> dict[str, Any]:
        """Return a job's item."""
        return self.table.items[job]

    def open_rows(self) -> list[dict[str, Any]]:
        """Return the items of jobs that have not ended."""
        rows = [row for name, row in self.table.items.items() if not name.startswith("_")]
        return [row for row in rows if row["JobStatus"] not in TERMINAL]
