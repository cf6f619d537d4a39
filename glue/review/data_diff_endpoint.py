"""One endpoint's data files before and after: what the next apply would do to it, as far as data can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from glue.review import endpoints_content, endpoints_line, endpoints_scaling, endpoints_traffic
from glue.review.cost import served_cost
from glue.review.data_diff_served import ROLLS_BACK, deployment, mapping, objects, scaling, served, texts
from glue.review.endpoints_compare import compare, shapes, shown
from glue.review.endpoints_saying import Said, safe
from glue.review.endpoints_scaling import Capacity
from glue.review.endpoints_shape import Served, bare
from glue.review.endpoints_traffic import Deployment
from glue.review.model import Cost, EndpointChange, FieldChange, Finding, Right, Rollback, Settings, Traffic
from glue.review.prices import Prices

_REMARKS = frozenset({"created", "failed", "replaces", "retried"})
_NUMBERS = ("threshold_percent", "threshold_ms", "min_requests", "period_s", "periods")


@dataclass(frozen=True)
class Files:
    """An endpoint's two files at one ref: what people write, and what slipway writes; None is no file."""

    settings: Mapping[str, Any] | None = None
    revisions: Mapping[str, Any] | None = None
    sealed: bool = True

    @property
    def live(self) -> str | None:
        """The revision that is to be served; None without one."""
        found = (self.revisions or {}).get("live")
        return found if isinstance(found, str) else None

    @property
    def deployed(self) -> bool:
        """Whether Terraform makes an endpoint of it."""
        return self.settings is not None and bool((self.revisions or {}).get("revisions"))


@dataclass
class EndpointDiff:
    """What changes for one endpoint. `name` is SageMaker's name of it, `path` that of the file that people write."""

    environment: str
    endpoint: str
    name: str
    region: str | None
    path: str
    before: Files
    after: Files
    settings: Settings
    rights: list[Right] = field(default_factory=list)

    @cached_property
    def states(self) -> tuple[Served | None, Served | None]:
        """What it serves before and after, where there is an endpoint."""
        before = self._served(self.before)
        return before, before if self.gone else self._served(self.after)

    def _served(self, files: Files) -> Served | None:
        if not files.deployed or files.live is None:
            return None
        where = f"{self.path.removesuffix('.tfvars')}.revisions.tfvars: {files.live}"
        found = objects(files.revisions or {}, "revisions", where=where).get(files.live)
        if found is None:
            return Served(
                name=files.live, unresolved=(f"live is {safe(files.live)}, which is not among the revisions",)
            )
        return served(files.live, found, where=where)

    @cached_property
    def deployments(self) -> tuple[Deployment, Deployment]:
        """How it deploys, before and after; a return goes all at once, and only the abort alarm undoes it."""
        old = deployment(self.before.settings or {}, where=self.path)
        new = deployment(self.after.settings or {}, where=self.path)
        if (self.after.revisions or {}).get("returning") is True:
            new = Deployment("all_at_once", termination_s=0, max_s=1800, alarms=("abort",), configured=True)
        return old, new

    @property
    def gone(self) -> bool:
        """Whether the file that people write goes. What it made does not: no plan is made of it any more."""
        return self.before.settings is not None and self.after.settings is None

    @property
    def moves(self) -> bool:
        """Whether another revision goes live."""
        return self.before.live != self.after.live and None not in self.states and not self.gone

    @cached_property
    def deploys(self) -> bool:
        """Whether SageMaker deploys: a new revision, or the same one because how it deploys changes."""
        again = None not in self.states and not self.gone and self.deployments[0] != self.deployments[1]
        return self.moves or again

    @cached_property
    def returning(self) -> bool:
        """Whether it goes back."""
        return self.moves and (self.after.revisions or {}).get("returning") is True

    @cached_property
    def changes(self) -> tuple[FieldChange, ...]:
        """What changes inside it and around it."""
        if self.gone:
            return (FieldChange("other", None, self.path, None, "its file goes"),)
        old, new = (state or Served(name=None) for state in self.states)
        found = list(compare(old, new))
        if None not in self.states:
            was, will = map(endpoints_traffic.words, self.deployments)
            if was != will:
                found.append(FieldChange("deployment", None, was, will, f"deployment: {was} → {will}"))
            found += endpoints_traffic.alarm_changes(*self.deployments)
            found += endpoints_scaling.changes(*self._scaling)
        found += self._others()
        return tuple(found)

    def _others(self) -> Iterator[FieldChange]:
        """Yield what differs in the file that people write and has no shape of its own."""
        old, new = self.before.settings, self.after.settings
        if old is None or new is None:
            return
        for key in sorted({*old, *new}):
            if bare(old.get(key)) == bare(new.get(key)) or key in {"deployment", "deployment_overrides", "autoscaling"}:
                continue
            what = "alarms" if key == "alarms" else "config" if key == "serving" else "other"
            words = {"serving": "serving changes: the next revision freezes it, nothing that is live"}
            yield FieldChange(what, None, None, None, words.get(key, f"{safe(key)} changes"))

    @cached_property
    def _scaling(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return scaling(self.before.settings or {}, where=self.path), scaling(self.after.settings or {}, where=self.path)

    @cached_property
    def said(self) -> tuple[Said, ...]:
        """What the rules say, each once."""
        around = [] if self.gone else [*self._inside(), *self._around(), *callers(self), *_unsealed(self)]
        return tuple(dict.fromkeys([*self._fate(), *around]))

    def _fate(self) -> Iterator[Said]:
        old, new = self.states
        if self.gone:
            text = "its file goes: no plan covers it any more, and what it made goes on" if old else "its file goes"
            yield Said("endpoint-file-removed", text, "interrupts" if old else "")
        elif old is not None and new is None:
            yield Said("endpoint-destroyed", "no revision is left: the next apply destroys the endpoint", "interrupts")
        elif old is None and new is not None:
            yield Said("endpoint-created", "the endpoint is new")

    def _inside(self) -> Iterator[Said]:
        old, new = self.states
        if old is None or new is None:
            return
        if self.returning:
            yield Said("revision-returns", f"goes back from {safe(old.name)} to {safe(new.name)}")
        said = endpoints_content.content(old, new, self.changes)
        yield from (entry for entry in said if not (self.returning and entry.rule == "new-release"))
        if self.moves and not self.rollback.one_line:
            yield Said("rollback-lost", f"no way back by one line: {self.rollback.text}")
        yield from _edited(self)

    def _around(self) -> Iterator[Said]:
        old, new = self.states
        if old is None or new is None:
            return
        yield from endpoints_traffic.guards(*self.deployments, deploys=self.deploys, returning=self.returning)
        yield from endpoints_traffic.slower_or_faster(*self.deployments, returning=self.returning)
        if self.moves:
            yield from endpoints_traffic.excluded(self.deployments[1], old, new)
        yield from endpoints_scaling.detached(*self._scaling, new)
        yield from endpoints_scaling.nobody(self._scaling[1], new)
        live = self.settings.live_counts.get(self.name, {})
        yield from endpoints_scaling.scale_in(Capacity(old, new, *self._scaling, live=live, deploys=self.deploys))
        yield from _alarms(self)

    @cached_property
    def rollback(self) -> Rollback:
        """Whether the old revision stays."""
        if self.states[0] is None:
            return Rollback(one_line=False, text="it is new: there is nothing to go back to")
        if self.states[1] is None:
            return Rollback(one_line=False, text="the endpoint itself goes")
        if self.gone:
            return Rollback(one_line=False, text="restore its files")
        if not self.moves:
            return Rollback(one_line=True, text="its revision stays; take the change back and apply")
        kept = mapping(self.after.revisions or {}, "revisions", where=self.path)
        if self.before.live not in kept:
            return Rollback(one_line=False, text=f"revision {safe(self.before.live)} is pruned in the same change")
        return Rollback(one_line=True, text=f"live = {safe(self.before.live)}")

    @cached_property
    def traffic(self) -> Traffic:
        """How traffic moves."""
        if self.deploys:
            return endpoints_traffic.traffic(self.deployments[1], same_config=not self.moves)
        return Traffic("in_place" if self.changes else "none", "no traffic moves", 0, 0)

    @cached_property
    def change(self) -> EndpointChange:
        """The endpoint's entry in the review."""
        old, new = self.states
        action = "create" if old is None else "delete" if new is None else "update" if self.deploys else "none"
        action = "none" if old is None and new is None else action
        found = EndpointChange(
            endpoint=self.name,
            resource=self.path,
            action=action,
            before=str(old.name) if old else None,
            after=str(new.name) if new else None,
            releases_before=old.releases if old else (),
            releases_after=new.releases if new else (),
            changes=self.changes,
            variants_before=shapes(old),
            variants_after=shapes(new),
            traffic=self.traffic,
            rollback=self.rollback,
            scales_in=tuple(entry.message for entry in self.said if entry.where == "scales_in"),
            interrupts=tuple(entry.message for entry in self.said if entry.where == "interrupts"),
            cost=self._cost(old, new),
        )
        return replace(found, text=endpoints_line.line(found, returning=self.returning))

    def _cost(self, old: Served | None, new: Served | None) -> Cost:
        prices = self.settings.prices
        if not isinstance(prices, Prices):
            return Cost(unknown=("all prices",))
        live = self.settings.live_counts.get(self.name, {})
        return served_cost(old, new, region=self.region, prices=prices, today=self.settings.today, live=live)

    def findings(self) -> Iterator[Finding]:
        """Yield the findings; an endpoint whose files change has at least one."""
        said = self.said or (Said("endpoint-changed", self.changes[0].text if self.changes else "its files change"),)
        for entry in said:
            yield self.settings.rules.finding(
                entry.rule,
                resource=self.path,
                message=f"{self.name}: {entry.message}",
                details=entry.details,
                endpoint=self.name,
            )


def _unsealed(diff: EndpointDiff) -> Iterator[Said]:
    if not diff.after.sealed:
        yield Said("revisions-edited", "its revisions file was changed after slipway wrote it: slipway refuses it")


def _edited(diff: EndpointDiff) -> Iterator[Said]:
    """Yield revisions whose content changes under the same id; remarks may."""
    old, new = (mapping(f.revisions or {}, "revisions", where=diff.path) for f in (diff.before, diff.after))
    for name in sorted(set(old) & set(new)):
        contents = [
            {key: value for key, value in entry.items() if key not in _REMARKS} if isinstance(entry, Mapping) else entry
            for entry in (old[name], new[name])
        ]
        if bare(contents[0]) != bare(contents[1]):
            yield Said("revisions-edited", f"revision {safe(name)} changes under its own id: revisions are frozen")


def _alarms(diff: EndpointDiff) -> Iterator[Said]:
    """Yield alarms that are switched off, or that ring later."""
    old, new = (mapping(f.settings or {}, "alarms", where=diff.path) for f in (diff.before, diff.after))
    kinds = sorted({*old, *new} - {"rolls_back", "additional_names"})
    off, later = [], []
    for kind in kinds:
        was, will = (mapping(values, kind, where=f"{diff.path}: alarms") for values in (old, new))
        if will.get("enabled") is False and was.get("enabled") is not False and kind not in ROLLS_BACK:
            off.append(kind)
        later += [
            f"{kind}.{key} {shown(was.get(key)) or 'usual'} → {shown(will.get(key)) or 'usual'}"
            for key in _NUMBERS
            if _laxer(was.get(key), will.get(key))
        ]
    if off:
        yield Said("alarms-fewer", f"alarms are switched off: {safe(', '.join(off))}")
    if later:
        yield Said("alarm-weakened", f"alarms ring later: {', '.join(later)}", details=tuple(later))


def _laxer(was: object, will: object) -> bool:
    """Tell whether a number may make an alarm ring later; the module's own number is not known here."""
    if was == will:
        return False
    return not (isinstance(was, int | float) and isinstance(will, int | float) and will < was)


def callers(diff: EndpointDiff) -> Iterator[Said]:
    """Yield who may newly call an endpoint, and who no longer may; rights are noted."""
    before, after = diff.before.settings or {}, diff.after.settings or {}
    old, new = _principals(before, diff.path), _principals(after, diff.path)
    for who in sorted(new - old):
        _note(diff, who)
    if new - old:
        yield Said("callers-added", f"may newly call it: {', '.join(map(safe, sorted(new - old)))}")
    if old - new:
        yield Said("callers-removed", f"may no longer call it: {', '.join(map(safe, sorted(old - new)))}")
    asked = [mapping(values, "invoker", where=diff.path) for values in (before, after)]
    if asked[1].get("function_url") is True and asked[0].get("function_url") is not True:
        yield Said("callers-added", "its invoker gets an address (function_url)")
    if before.get("invoker") is not None and after.get("invoker") is None:
        yield Said("invoker-removed", "its invoker goes: whoever calls the function fails")
    if before.get("monitor") is not None and after.get("monitor") is None:
        yield Said("monitor-removed", "its drift monitor goes")


def _principals(settings: Mapping[str, Any], path: str) -> set[str]:
    found: set[str] = set()
    for name, entry in objects(settings, "callers", where=path).items():
        found |= set(texts(entry.get("principal_arns"), where=f"{path}: callers.{name}.principal_arns"))
    invoker = mapping(settings, "invoker", where=path)
    return found | {str(value) for value in mapping(invoker, "principals", where=path).values()}


def _note(diff: EndpointDiff, who: str) -> None:
    diff.rights.append(
        Right(
            who=safe(who),
            actions=("sagemaker:InvokeEndpoint",),
            resources=(diff.name,),
            conditions=(),
            source=diff.path,
            public="*" in who,
            cross_account=True,
            text=f"{safe(who)} may newly call {diff.name}",
        )
    )
