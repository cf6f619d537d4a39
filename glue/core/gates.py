"""Gates as data: which of them says no to a release, why, and what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from glue.core.described import ModelPackage
from glue.core.environment import Environment
from glue.core.release import Release
from glue.errors import RefusedError

EVIDENCE, SOAK, APPROVAL, FREEZE = "evidence", "soak", "approval", "freeze"
PLAN_APPROVAL = "plan-approval"


@dataclass(frozen=True)
class Refusal:
    """One gate's no: its reason, and the command or change that comes next."""

    gate: str
    reason: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """Return it for a JSON result."""
        return {"gate": self.gate, "reason": self.reason, "remedy": self.remedy}


class GateError(RefusedError):
    """Gates said no (exit 3). `refusals` are all of them."""

    def __init__(self, what: str, refusals: Sequence[Refusal], *, environment: Environment) -> None:
        lines = [f"- {one.gate}: {one.reason}\n    {one.remedy}" for one in refusals]
        glass = (
            'In an emergency: the same command with --break-glass "why", for whom break_glass in '
            f"environments/{environment.name}/environment.tfvars names."
            if environment.break_glass
            else f"Nobody may pass them: break_glass in environments/{environment.name}/environment.tfvars is empty."
        )
        count = "1 gate says" if len(refusals) == 1 else f"{len(refusals)} gates say"
        super().__init__(f"{what}: {count} no\n" + "\n".join(lines), remedy=glass)
        self.refusals = tuple(refusals)


def approval(
    release: Release, package: ModelPackage | None, *, environment: Environment, bucket: str
) -> Refusal | None:
    """Return why a release is not approved in an environment's model registry, None when exactly it is.

    A package of another image or archive is not the release that somebody looked at.
    """
    command = f"slipway release approve {release.release} --env {environment.name}"
    if package is None:
        return Refusal(
            APPROVAL,
            f"{release.release} is not registered in {environment.name} yet, so nobody could approve it",
            f"Promote it once the other gates are open: that registers it. Then, by an approver: {command}",
        )
    if package.image.rpartition("@")[2] != release.image_digest or package.model_data_url != release.model_data_url(
        bucket
    ):
        return Refusal(
            APPROVAL,
            f"{package.arn} is said to be {release.release}, and is of {package.image} with {package.model_data_url}",
            "It was not registered by slipway: delete that version in the model registry, and promote again.",
        )
    if package.approval == "Approved":
        return None
    said = f" ({package.comment})" if package.comment else ""
    if package.approval == "Rejected":
        return Refusal(
            APPROVAL,
            f"{release.release} was rejected in {environment.name}{said}",
            f"Make a better release; or, if that was a mistake, by an approver: {command}",
        )
    return Refusal(
        APPROVAL, f"{release.release} waits for approval in {environment.name}{said}", f"By an approver: {command}"
    )


def no_evidence(
    release: str, source: str, *, refused: Sequence[str], endpoint: str | None, max_age_hours: float
) -> Refusal:
    """Return the refusal of a release that no valid evidence speaks for."""
    why = "; ".join(refused) if refused else "there is none"
    named = f" --endpoint {endpoint}" if endpoint else ""
    return Refusal(
        EVIDENCE,
        f"no valid evidence of {source} for {release}, at most {max_age_hours:g} h old: {why}",
        f"While it is live in {source}: slipway verify --env {source}{named} --evidence. "
        f"Else first: slipway promote {release} --to {source} --apply",
    )


def only(refusals: Iterable[Refusal | None]) -> tuple[Refusal, ...]:
    """Return those that are there."""
    return tuple(one for one in refusals if one is not None)
