"""The alarms that watch a deployment.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

from sandbox.cloudwatch import engine
from sandbox.cloudwatch.alarms import alarms_of, move, state_of


class Watch:
    """The rollback alarms of one deployment, by name; metric and composite ones."""

    def __init__(self, account_id: str, region: str, names: tuple[str, ...]) -> None:
        self.account_id, self.region, self.names = account_id, region, names
        self._before = {name: self._rang(name) for name in names}

    def reason(self) -> str | None:
        """Return why the deployment is to be rolled back: an alarm rings, or has rung since it began. Else None."""
        fired = [
            name
            for name in self.names
            if state_of(self.account_id, self.region, name) == "ALARM" or self._rang(name) > self._before[name]
        ]
        if not fired:
            return None
        return f"Deployment was rolled back because alarm(s) [{', '.join(fired)}] went into ALARM state."

    def _rang(self, name: str) -> int:
        alarm = alarms_of(self.account_id, self.region).get(name)
        return alarm.rang if alarm is not None else 0

    def ring(self) -> None:
        """Set an alarm off, as SetAlarmState does: a failed bake is wished for. Rather one on AWS's metrics."""
        known = [one for name in self.names if (one := alarms_of(self.account_id, self.region).get(name)) is not None]
        alarm = min(
            known, key=lambda one: not str(one.request.get("Namespace") or "AWS/").startswith("AWS/"), default=None
        )
        if alarm is not None:
            old = move(alarm, "ALARM", "A fault of the kind fail-bake was asked for.", "{}")
            if old is not None:
                engine.changed(alarm, old)
