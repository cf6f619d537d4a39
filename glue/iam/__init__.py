"""IAM's evaluation logic, pure: no AWS, no network, no clock. docs/iam.md says how a decision is made."""

from glue.iam.evaluation import evaluate
from glue.iam.model import Decision, Grant, Matched, PolicySet, Principal, Reason, Request
from glue.iam.parse import dump_policy, parse_policy
from glue.iam.policy import Policy, PolicyError, Statement
from glue.iam.reach import Probe, Reach, probe_all, reachable, session_of
from glue.iam.world import StaticWorld, World, decide

__all__ = [
    "Decision", "Grant", "Matched", "Policy", "PolicyError", "PolicySet", "Principal", "Probe", "Reach", "Reason",
    "Request", "Statement", "StaticWorld", "World", "decide", "dump_policy", "evaluate", "parse_policy", "probe_all",
    "reachable", "session_of",
]  # fmt: skip
