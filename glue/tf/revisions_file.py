"""The glue-owned file `<endpoint>.revisions.tfvars`: written whole, sealed by a hash, never edited."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import fields
from pathlib import Path

from glue.core.names import REVISION_ID
from glue.core.revision import (
    Asynchronous,
    DataCapture,
    Network,
    Revision,
    Revisions,
    Serverless,
    Variant,
    content_hash,
    number_of,
)
from glue.errors import RefusedError
from glue.tf import hcl, writer
from glue.tf.fields import FieldError, Fields
from glue.tf.hcl import HclError

_TITLE = "# Written by slipway; reviewed, never edited."
_HEADER = re.compile(rf"{re.escape(_TITLE)}\n# sha256: ([0-9a-f]{{64}})\n")
_NEWEST = re.compile(r"# newest: r(\d{1,6})\n")


class RevisionsFileError(RefusedError):
    """The file is not what slipway wrote. Nothing is built on it (exit 3)."""


def load(path: Path, *, sealed: bool = True) -> Revisions:
    """Return an endpoint's revisions; none at all when there is no file yet.

    Raises RevisionsFileError when the file was edited, cannot be parsed, or contradicts itself: an id that is not its
    content's, a live revision that is not in it. With `sealed=False` the seal is not looked at, all else is.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return Revisions()
    except UnicodeDecodeError as error:
        raise _refused(path, f"it is not UTF-8 (byte {error.start})") from error
    if sealed:
        _check_seal(text, path)
    try:
        return _parse(text, path)
    except (HclError, FieldError) as error:
        raise _refused(path, error.message.removeprefix(f"{path}: ")) from error


def render(revisions: Revisions) -> str:
    """Return the text of the file, sealed: the same for equal revisions, unchanged by `terraform fmt`."""
    newest = max([revisions.newest, *(number_of(name) for name in revisions.revisions)])
    ordered = sorted(revisions.revisions, key=number_of)
    values = {
        "live": revisions.live,
        **({"returning": True} if revisions.returning else {}),
        "revisions": {name: _revision_values(revisions.revisions[name]) for name in ordered},
    }
    body = f"# newest: r{newest}\n{writer.body(values)}"
    return f"{_TITLE}\n# sha256: {_seal(body)}\n{body}"


def save(path: Path, revisions: Revisions) -> bool:
    """Write the file in one step: a reader or a crash sees the old or the new one. Return whether it changed."""
    text = render(revisions)
    if path.exists() and path.read_bytes() == text.encode("utf-8"):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True


def _seal(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8")).hexdigest()


def _refused(path: Path, why: str) -> RevisionsFileError:
    return RevisionsFileError(
        f"{path}: {why}",
        remedy="Restore it with `git checkout -- <file>`, or after a merge `slipway render --reseal`, "
        "which checks every revision against its id and writes the file anew.",
    )


def is_sealed(text: str) -> bool:
    """Tell whether a file's text is what slipway wrote, by the hash in its header."""
    match = _HEADER.match(text)
    return match is not None and _seal(text[match.end() :]) == match[1]


def _check_seal(text: str, path: Path) -> None:
    match = _HEADER.match(text)
    if not match:
        raise _refused(path, "it does not begin as slipway writes it")
    if _seal(text[match.end() :]) != match[1]:
        raise _refused(path, "it was changed after slipway wrote it: its content does not match the hash in its header")


def _parse(text: str, path: Path) -> Revisions:
    top = Fields(hcl.parse(text, name=str(path)), file=str(path))
    live = top.optional_string("live")
    returning = top.boolean("returning", default=False)
    revisions = {}
    for name, entry in top.objects("revisions"):
        revisions[name] = _revision(entry)
        match = REVISION_ID.match(name)
        if not match:
            raise top.error(f"revisions.{name}", "this is not a revision id")
        if content_hash(revisions[name])[:8] != match["hash"]:
            raise top.error(f"revisions.{name}", "its content is not the one that its id was made of")
    top.done()
    if live is not None and live not in revisions:
        raise top.error("live", f"{live} is not among the revisions")
    if live is None and revisions:
        raise top.error("live", "it is null though there are revisions")
    found = _NEWEST.search(text)
    return Revisions(live=live, revisions=revisions, newest=int(found[1]) if found else 0, returning=returning)


def _revision(entry: Fields) -> Revision:
    revision = Revision(
        created=entry.optional_string("created"),
        replaces=entry.optional_string("replaces"),
        failed=entry.optional_string("failed"),
        retried=entry.optional_string("retried"),
        variants={name: _variant(variant) for name, variant in entry.objects("variants")},
        shadow_variants={name: _variant(variant) for name, variant in entry.objects("shadow_variants")},
        asynchronous=_asynchronous(entry.optional_object("asynchronous")),
        data_capture=_capture(entry.optional_object("data_capture")),
        network=network(entry.optional_object("network")),
        volume_key_arn=entry.optional_string("volume_key_arn"),
    )
    entry.done()
    return revision


def _variant(entry: Fields) -> Variant:
    variant = Variant(
        release=entry.string("release"),
        image=entry.string("image"),
        model_data_url=entry.string("model_data_url"),
        execution_role_arn=entry.string("execution_role_arn"),
        environment=entry.variables("environment"),
        weight=entry.integer("weight", default=1),
        instance_type=entry.optional_string("instance_type"),
        initial_instance_count=entry.optional_integer("initial_instance_count"),
        serverless=serverless(entry.optional_object("serverless")),
        container_startup_health_check_timeout_in_seconds=entry.optional_integer(
            "container_startup_health_check_timeout_in_seconds"
        ),
        model_data_download_timeout_in_seconds=entry.optional_integer("model_data_download_timeout_in_seconds"),
    )
    entry.done()
    return variant


def serverless(entry: Fields | None) -> Serverless | None:
    """Return serverless capacity as an object of a tfvars file states it."""
    if entry is None:
        return None
    found = Serverless(
        memory_size_in_mb=entry.integer("memory_size_in_mb"),
        max_concurrency=entry.integer("max_concurrency"),
        provisioned_concurrency=entry.optional_integer("provisioned_concurrency"),
    )
    entry.done()
    return found


def network(entry: Fields | None) -> Network | None:
    """Return network settings as an object of a tfvars file states them."""
    if entry is None:
        return None
    found = Network(
        subnet_ids=entry.strings("subnet_ids"),
        security_group_ids=entry.strings("security_group_ids"),
        isolation=entry.boolean("isolation", default=False),
    )
    entry.done()
    return found


def _asynchronous(entry: Fields | None) -> Asynchronous | None:
    if entry is None:
        return None
    found = Asynchronous(
        output_s3_uri=entry.string("output_s3_uri"),
        failure_s3_uri=entry.string("failure_s3_uri"),
        key_arn=entry.optional_string("key_arn"),
        max_concurrent_invocations_per_instance=entry.optional_integer("max_concurrent_invocations_per_instance"),
        success_topic_arn=entry.optional_string("success_topic_arn"),
        error_topic_arn=entry.optional_string("error_topic_arn"),
    )
    entry.done()
    return found


def _capture(entry: Fields | None) -> DataCapture | None:
    if entry is None:
        return None
    usual = DataCapture(sampling_percentage=0, destination_s3_uri="")
    found = DataCapture(
        sampling_percentage=entry.integer("sampling_percentage"),
        destination_s3_uri=entry.string("destination_s3_uri"),
        modes=entry.strings("modes") or usual.modes,
        json_content_types=entry.strings("json_content_types") or usual.json_content_types,
        csv_content_types=entry.strings("csv_content_types") or usual.csv_content_types,
        key_arn=entry.optional_string("key_arn"),
    )
    entry.done()
    return found


def _revision_values(revision: Revision) -> dict[str, object]:
    marks = {"failed": revision.failed, "retried": revision.retried}
    return {
        "created": revision.created,
        "replaces": revision.replaces,
        **{name: text for name, text in marks.items() if text is not None},
        "variants": {name: _values(variant) for name, variant in sorted(revision.variants.items())},
        "shadow_variants": {name: _values(variant) for name, variant in sorted(revision.shadow_variants.items())},
        **({"asynchronous": _values(revision.asynchronous)} if revision.asynchronous is not None else {}),
        "data_capture": _values(revision.data_capture),
        "network": _values(revision.network),
        "volume_key_arn": revision.volume_key_arn,
    }


def _values(entry: Variant | Serverless | Asynchronous | DataCapture | Network | None) -> dict[str, object] | None:
    """Return an entry's attributes; what is None is left out, as it is nothing to Terraform."""
    if entry is None:
        return None
    found: dict[str, object] = {}
    for field in fields(entry):
        value = getattr(entry, field.name)
        if isinstance(value, Serverless):
            found[field.name] = _values(value)
        elif field.name == "environment":
            found[field.name] = dict(sorted(value.items()))
        elif value is not None:
            found[field.name] = value
    return found
