"""Bundles on this machine: a plan is written as one folder, checked as a whole, and applied once.

A new bundle is written beside the old one, `bundle.json` last, and takes its place by a rename: whatever is killed,
there is the old one, the new one, or none. Where it came from, and that it was used, is noted outside of it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glue.bundle_inputs import inputs_of, of_bytes, of_file, state_before
from glue.bundle_ledger import Ledger
from glue.core import bundle as core
from glue.core import replacing, roles, semantic
from glue.core import slim as slimming
from glue.core.bundle import COMMENT, FILES, MANIFEST, PLAN, REVIEW, SLIM, Maker, Manifest, StateId
from glue.core.plan import PlanSummary
from glue.errors import RefusedError, SlipwayError, UsageError
from glue.workspace import Stack, Workspace

MADE, PULLED, READING = "made", "pulled", "reading"  # here; by a deploy role; by the role that only reads
_DRAFT, _OLD = ".making", ".old"  # no endpoint's name has a dot


@dataclass(frozen=True)
class Reviewed:
    """What a review says: its grade, why nobody may apply the plan (empty: they may), as JSON and as Markdown."""

    grade: str
    refused: tuple[str, ...]
    json: bytes
    text: str


Reviewer = Callable[[bytes, Stack], Reviewed]


@dataclass(frozen=True)
class Here:
    """What is known of this call: who plans, from which commit, and what time it is.

    `claim` takes a bundle that others may have, too, for this call alone; it raises RefusedError when one was faster.
    """

    maker: Callable[[Stack], Maker]
    commit: Callable[[], tuple[str | None, bool]]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    claim: Callable[[Stack, Manifest], None] = lambda _stack, _manifest: None


@dataclass(frozen=True)
class Now:
    """What an apply finds: the version of Terraform and of the state, None where nobody can tell."""

    terraform_version: str | None = None
    state: StateId | None = None
    reads_state: bool = False


class Bundles:
    """The bundles of a workspace. The caller holds the stack's lock."""

    def __init__(self, workspace: Workspace, *, here: Here, review: Reviewer) -> None:
        self._workspace = workspace
        self._here = here
        self._review = review
        self._ledger = Ledger(workspace.work / "bundles")

    def folder(self, stack: Stack) -> Path:
        """Return where a stack's bundle lies."""
        return self._workspace.bundle(stack)

    def draft(self, stack: Stack) -> Path:
        """Return an empty folder, open to its owner only, for the bundle that is being made."""
        place = _beside(self.folder(stack), _DRAFT)
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(mode=0o700)
        return place

    def keep(self, stack: Stack, document: Mapping[str, Any], summary: PlanSummary) -> Manifest:
        """Complete the draft that holds the saved plan, put it in the old bundle's place, and return its manifest."""
        draft = _beside(self.folder(stack), _DRAFT)
        try:
            inputs = inputs_of(self._workspace, stack)
            hidden = slimming.secrets(document, scope=stack.label)
            document = slimming.slim(document)
            meaning = semantic.digest(document, scope=stack.label, providers=inputs.providers, secrets=hidden)
        except (KeyError, TypeError, AttributeError) as error:
            raise SlipwayError(f"terraform's JSON of the plan of {stack.label} is not one: {error!r}") from error
        data = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        reviewed = self._review(data, stack)
        for name, content in ((SLIM, data), (REVIEW, reviewed.json), (COMMENT, reviewed.text.encode())):
            _write(draft / name, content)
        if (draft / PLAN).is_file():
            (draft / PLAN).chmod(0o600)
        made_at = self._here.clock().replace(microsecond=0)
        commit, dirty = self._here.commit()
        made = Manifest(
            environment=stack.environment.name,
            stack=stack.name,
            endpoint=stack.endpoint,
            summary=summary,
            semantic=meaning,
            grade=reviewed.grade,
            files=_hashes(draft),
            inputs=inputs,
            made_by=self._here.maker(stack),
            made_at=made_at,
            expires_at=made_at + core.LIFETIME,
            terraform_version=document.get("terraform_version"),
            state=state_before(draft / PLAN),
            commit=commit,
            dirty=dirty,
            refused=(*_replaced(summary, stack), *reviewed.refused),
            secrets=hidden,
            id=secrets.token_hex(8),
        )
        self._ledger.note(made.digest, MADE)
        _write(draft / MANIFEST, core.encode(made))
        self._swap(stack)
        return made

    def take(self, stack: Stack, files: Mapping[str, bytes], *, origin: str | None) -> Manifest:
        """Put a bundle from elsewhere in a stack's place, and return its manifest.

        `origin` says who can have written it there; None: nobody knows. Raises RefusedError for what is no bundle of
        this stack.
        """
        manifest = read(files.get(MANIFEST), where=f"the bundle of {stack.label}")
        if manifest.scope != stack.label:
            raise RefusedError(f"this bundle is of {manifest.scope}, not of {stack.label}")
        if wrong := core.plan_texts(manifest, {name: of_bytes(files[name]) for name in FILES if name in files}):
            raise RefusedError(f"the bundle of {stack.label} is not whole: {'; '.join(wrong)}", remedy=_again(stack))
        check_meaning(manifest, files[SLIM])
        draft = self.draft(stack)
        for name in FILES:
            _write(draft / name, files[name])
        if origin is not None and self.origin(manifest) is None:
            self._ledger.note(manifest.digest, origin)
        self.expect(stack, files[MANIFEST] if origin == READING else None)
        _write(draft / MANIFEST, files[MANIFEST])
        self._swap(stack)
        return manifest

    def expect(self, stack: Stack, manifest: bytes | None) -> None:
        """Note the bundle whose meaning the next apply must have; None asks for nothing any more.

        It outlives the bundle itself: a call that is killed between its own plan and the comparison leaves it.
        """
        self._ledger.expect(stack.label, manifest)

    def expected(self, stack: Stack) -> Manifest | None:
        """Return the bundle whose meaning the next apply must have, None when any will do."""
        data = self._ledger.expected(stack.label)
        return read(data, where=f"what the next apply of {stack.label} must match") if data is not None else None

    def compare(self, stack: Stack, wanted: Manifest, made: Manifest) -> None:
        """Raise RefusedError unless a plan that was made here does what the wanted one does; it is gone then."""
        why = None
        if made.semantic != wanted.semantic:
            why = "it does something else by now"
        elif core.GRADES.index(made.grade) > core.GRADES.index(wanted.grade):
            why = f"it is graded {made.grade} here, and was {wanted.grade}"
        elif self._here.clock() >= wanted.expires_at:
            why = f"that one expired at {core.text_of(wanted.expires_at)}"
        if why is not None:
            self.discard(stack)
            raise RefusedError(
                f"the plan of {stack.label} that was made here is not the one that was looked at "
                f"({wanted.digest[:12]}): {why}",
                remedy=f"{_again(stack)}",
            )

    def find(self, stack: Stack) -> Manifest | None:
        """Return what a stack's bundle says, None when there is none. Raises RefusedError when it is none any more."""
        place = self.folder(stack)
        draft, old = _beside(place, _DRAFT), _beside(place, _OLD)
        if not place.exists() and old.exists():  # killed between two renames
            (draft if (draft / MANIFEST).is_file() else old).rename(place)
        shutil.rmtree(old, ignore_errors=True)
        try:
            data = (place / MANIFEST).read_bytes()
        except OSError:
            return None
        return read(data, where=self._workspace.shown(place / MANIFEST))

    def files(self, stack: Stack) -> dict[str, bytes]:
        """Return the content of a stack's bundle, which `find` found."""
        place = self.folder(stack)
        return {name: (place / name).read_bytes() for name in (*FILES, MANIFEST) if (place / name).is_file()}

    def check(self, stack: Stack, manifest: Manifest, now: Now) -> None:
        """Raise RefusedError unless a bundle may be applied here and now: the message says everything against it."""
        self._check_kind(stack, manifest)
        place = self.folder(stack)
        moved = core.plan_texts(manifest, _hashes(place))
        moved += core.moved(manifest, inputs_of(self._workspace, stack))
        if manifest.terraform_version and now.terraform_version not in {None, manifest.terraform_version}:
            moved.append(f"terraform: {manifest.terraform_version} planned it, and {now.terraform_version} is here")
        if now.reads_state and manifest.state != now.state:
            moved.append(
                f"the state: {_state_text(manifest.state)} was planned from, {_state_text(now.state)} is there"
            )
        if self._here.clock() >= manifest.expires_at:
            moved.append(f"time: it expired at {core.text_of(manifest.expires_at)}")
        if moved:
            raise RefusedError(
                f"the plan of {stack.label} is stale and is not applied: what it was made from moved\n"
                + "\n".join(f"- {text}" for text in moved),
                remedy=_again(stack),
            )

    def _check_kind(self, stack: Stack, manifest: Manifest) -> None:
        """Raise RefusedError for a bundle that nobody may apply, used ones and those of unknown makers among them."""
        where = self._workspace.shown(self.folder(stack) / COMMENT)
        if manifest.scope != stack.label:
            raise RefusedError(f"this bundle is of {manifest.scope}, not of {stack.label}", remedy=_again(stack))
        if manifest.refused or manifest.grade == core.FORBIDDEN:
            raise forbidden(stack, manifest, where)
        if used := self.used(manifest):
            raise RefusedError(
                f"bundle {manifest.digest[:12]} of {stack.label} was applied already, at {used}", remedy=_again(stack)
            )
        if self.origin(manifest) not in {MADE, PULLED}:
            raise RefusedError(
                f"bundle {manifest.digest[:12]} of {stack.label} was neither made here nor fetched from where only "
                "deploy roles write: somebody else may have made it",
                remedy=f"{_again(stack)} `slipway bundle pull --digest` fetches what a deploy role made.",
            )
        if manifest.made_by.role != roles.of_stack(stack.name):
            raise RefusedError(
                f"the plan of {stack.label} was made in the role {manifest.made_by.role}, which only reads",
                remedy=f"{_again(stack)} Use credentials that may assume {roles.of_stack(stack.name)}.",
            )

    def use(self, stack: Stack, manifest: Manifest) -> None:
        """Mark a bundle as used, before it is applied. Raises RefusedError when it is already."""
        if self.origin(manifest) == PULLED:
            self._here.claim(stack, manifest)
        self._ledger.use(manifest.digest, self._here.clock())

    def used(self, manifest: Manifest) -> str | None:
        """Return when a bundle was used, None when it was not."""
        return self._ledger.used(manifest.digest)

    def origin(self, manifest: Manifest) -> str | None:
        """Return where a bundle came from: MADE, PULLED or READING; None when nobody knows."""
        return self.known(manifest.digest)

    def known(self, digest: str) -> str | None:
        """Return the origin of the bundle of this digest."""
        return self._ledger.origin(digest)

    def spend(self, stack: Stack) -> None:
        """Remove the saved plan of a bundle that was used; what it said stays for reading."""
        (self.folder(stack) / PLAN).unlink(missing_ok=True)

    def discard(self, stack: Stack) -> None:
        """Remove a stack's bundle, if there is one."""
        place = self.folder(stack)
        for folder in (place, _beside(place, _OLD), _beside(place, _DRAFT)):
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)

    def _swap(self, stack: Stack) -> None:
        place = self.folder(stack)
        draft, old = _beside(place, _DRAFT), _beside(place, _OLD)
        shutil.rmtree(old, ignore_errors=True)
        if place.exists():
            place.rename(old)
        draft.rename(place)
        draft.mkdir(mode=0o700)  # where the printed `terraform plan` writes to when somebody types it
        shutil.rmtree(old, ignore_errors=True)


def read(data: bytes | None, *, where: str) -> Manifest:
    """Return what a `bundle.json` says. Raises RefusedError when it is not one."""
    try:
        if data is None:
            raise ValueError("there is no bundle.json")
        return core.decode(data)
    except ValueError as error:
        raise RefusedError(f"{where} is not a bundle: {error}", remedy="Plan again.") from error


def from_folder(folder: Path) -> dict[str, bytes]:
    """Return the files of a bundle that lies somewhere else. Raises UsageError when there is none."""
    if not (folder / MANIFEST).is_file():
        raise UsageError(f"{folder} holds no {MANIFEST}", remedy="Name a folder that `slipway plan` made.")
    return {name: (folder / name).read_bytes() for name in (*FILES, MANIFEST) if (folder / name).is_file()}


def forbidden(stack: Stack, manifest: Manifest, where: str) -> RefusedError:
    """Return the error that says why nobody may apply a plan."""
    lines = "\n".join(f"- {text}" for text in manifest.refused) or f"- its grade is {manifest.grade}"
    return RefusedError(
        f"the review forbids the plan of {stack.label}\n{lines}",
        remedy=f"Nobody can apply it; the review stays for reading: {where}",
    )


def check_meaning(manifest: Manifest, data: bytes) -> None:
    """Raise RefusedError unless a bundle's slim plan means what its manifest says."""
    try:
        found = semantic.digest(
            json.loads(data), scope=manifest.scope, providers=manifest.inputs.providers, secrets=manifest.secrets
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found = ""
    if found != manifest.semantic:
        raise RefusedError(
            f"bundle {manifest.digest[:12]} of {manifest.scope} is forged: its plan does not mean what it says",
            remedy="Plan again.",
        )


def _replaced(summary: PlanSummary, stack: Stack) -> tuple[str, ...]:
    try:
        replacing.check(summary.changes, stack=stack.label)
    except RefusedError as error:
        return (str(error),)
    return ()


def _hashes(folder: Path) -> dict[str, str]:
    return {name: of_file(folder / name) for name in FILES if (folder / name).is_file()}


def _beside(place: Path, suffix: str) -> Path:
    return place.with_name(place.name + suffix)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _state_text(state: StateId | None) -> str:
    return f"serial {state.serial} of {state.lineage[:8]}" if state else "no state"


def _again(stack: Stack) -> str:
    return f"Plan again, and look at the plan: {stack.make('plan')}. An approval holds when it does the same."
