"""Makes the probes' calls and says what is wrong with the answers: nothing, when each was denied for its reason."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from botocore import xform_name
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.parsers import create_parser

from scripts.probes import Probe, Probes
from tests.sandbox.probe_callers import ACCOUNTS, FORGERS, Callers, refused
from tests.sandbox.probe_facts import Facts, fill

_ENDED_AFTER_S = 2.2
_THREADS = 4
SOURCES = {"qa": "dev", "production": "qa"}


@dataclass(frozen=True)
class Answer:
    """What a call came to: an error's code and message, or none."""

    code: str = ""
    message: str = ""


@dataclass(frozen=True)
class Finding:
    """What a probe showed that must not be."""

    probe: Probe
    what: str

    def __str__(self) -> str:
        return f"{self.probe.group}/{self.probe.id}: {self.what}\n    must be denied because {self.probe.because}"


class Prober:
    """Makes calls as the callers, with the estate's facts in them."""

    def __init__(self, callers: Callers, facts: Facts, probes: Probes) -> None:
        self._callers, self._facts, self._words = callers, facts, probes.words

    def findings(self, probes: Iterable[Probe]) -> list[Finding]:
        """Make the calls, a few at once; return those that were not denied as they should be."""
        with ThreadPoolExecutor(_THREADS) as pool:
            return [finding for found in pool.map(self.judge, probes) for finding in found]

    def judge(self, probe: Probe) -> list[Finding]:
        """Make one call that must be denied; return what is wrong with its answer."""
        answer = self._ask(probe, probe.who, probe.given, probe.through)
        if not answer.code:
            return [Finding(probe, f"{probe.who} was NOT DENIED {probe.service}:{probe.operation}")]
        if answer.code not in probe.errors:
            return [Finding(probe, f"expected {' or '.join(probe.errors)}, got {answer.code}: {answer.message}")]
        return [Finding(probe, said) for said in self._mistold(probe, answer.message)]

    def twin_findings(self, probes: Iterable[Probe]) -> list[Finding]:
        """Make the twins' calls; return those that did not get past authorization."""
        paired = [probe for probe in probes if probe.twin is not None]
        with ThreadPoolExecutor(_THREADS) as pool:
            return [finding for found in pool.map(self.judge_twin, paired) for finding in found]

    def judge_twin(self, probe: Probe) -> list[Finding]:
        """Make the call of somebody who may; return what kept it from getting past authorization."""
        twin = probe.twin
        if twin is None:
            return []
        answer = self._ask(probe, twin.who, twin.given, "")
        if answer.code in (twin.errors or ("",)):
            return []
        wanted = " or ".join(twin.errors) or "success"
        return [Finding(probe, f"its twin {twin.who} expected {wanted}, got {answer.code}: {answer.message}")]

    def unlisted(self, probes: Iterable[Probe]) -> list[Probe]:
        """Return the probes whose caller, action and resource the sandbox's list of denials does not have."""
        listed = self._callers.denials()
        return [
            probe
            for probe in probes
            if (self._callers.arn(probe.who), probe.action, self.filled(probe, probe.on)) not in listed
        ]

    @staticmethod
    def swapped(probe: Probe) -> Probe:
        """Return the probe as if its twin's caller had to be denied."""
        if probe.twin is None:
            raise ValueError(f"{probe.id} has no twin")
        return replace(probe, who=probe.twin.who, given=probe.twin.given)

    def _mistold(self, probe: Probe, message: str) -> list[str]:
        """Return what the message of a denial should have said, and did not."""
        if not probe.by:
            return [] if probe.says in message else [f"{probe.says!r} not in: {message}"]
        if probe.by == ("untold",):
            return [] if message == self._words["untold"] else [f"another account was told: {message}"]
        named = (self._callers.arn(probe.who), f" {probe.action} ", self.filled(probe, probe.on))
        found = [f"{word!r} not in: {message}" for word in named if word not in message]
        reasons = [self._words[by].format(action=probe.action) for by in probe.by]
        if not any(reason in message for reason in reasons):
            found.append(f"expected {' or '.join(probe.by)}: {message}")
        return found

    def filled(self, probe: Probe, value: Any) -> Any:
        """Return a value of a probe with its facts: `own` is its environment, `source` the one before."""
        own = probe.who.partition("/")[0]
        near = {"own": self._facts[own], "source": self._facts.get(SOURCES.get(own, ""))} if own in ACCOUNTS else {}
        return fill(value, self._facts | near)

    def _ask(self, probe: Probe, who: str, given: Mapping[str, Any], through: str) -> Answer:
        client = self._callers.client(who, probe.service, probe.region)
        parameters = self.filled(probe, given)
        if through:
            return self._ask_by_url(probe, client, parameters, through)
        try:
            answer = getattr(client, xform_name(probe.operation))(**parameters)
        except ClientError as error:
            return Answer(*refused(error))
        except BotoCoreError as error:
            return Answer("no request", str(error))  # the data does not fit the operation
        if errors := answer.get("Errors"):
            return Answer(errors[0]["Code"], errors[0]["Message"])
        return Answer()

    def _ask_by_url(self, probe: Probe, client: Any, parameters: Mapping[str, Any], through: str) -> Answer:
        ended = through == "ended url"
        url = client.generate_presigned_url(
            xform_name(probe.operation), Params=dict(parameters), ExpiresIn=1 if ended else 300
        )
        if ended:
            time.sleep(_ENDED_AFTER_S)
        method = "PUT" if probe.operation.startswith("Put") else "GET"
        sent = AWSRequest(method=method, url=url, data=b"x" if method == "PUT" else b"").prepare()
        answer = URLLib3Session(timeout=30).send(sent)
        shape = client.meta.service_model.operation_model(probe.operation).output_shape
        raw = {"status_code": answer.status_code, "headers": answer.headers, "body": answer.content}
        error = create_parser("rest-xml").parse(raw, shape).get("Error", {}) if answer.status_code >= 300 else {}
        return Answer(error.get("Code", ""), error.get("Message", ""))


def names(probes: Iterable[Probe]) -> set[str]:
    """Return everybody who makes a call, twins included."""
    found = {probe.who for probe in probes} | {probe.twin.who for probe in probes if probe.twin}
    return found - FORGERS - {"anonymous"}
