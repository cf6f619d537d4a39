"""What an endpoint serves, in one shape for every source: a plan's config and models, or a revision of the data files.

Attributes: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/sagemaker_endpoint_configuration
and `sagemaker_model`. What is not named here is kept in `rest` and compared as a whole: a new attribute is not missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from glue.review.resource import Resource

# of modules/model-endpoint: where a release's archive lies
_RELEASE = re.compile(r"^s3://[^/]+/releases/[^/]+/([^/]+)/model\.tar\.gz$")
_NOT_CONTENT = frozenset({"arn", "id", "name", "name_prefix", "tags", "tags_all", "region"})
_OF_VARIANT = frozenset(
    {"variant_name", "model_name", "initial_variant_weight", "instance_type", "initial_instance_count"}
    | {"serverless_config"}
)
# optional and computed: unknown in a plan when nobody sets them
_COMPUTED = frozenset({"volume_size_in_gb", "inference_execution_config"})
_OF_CONFIG = frozenset(
    {"production_variants", "shadow_production_variants", "data_capture_config", "async_inference_config"}
    | {"kms_key_arn"}
)
_OF_CONTAINER = frozenset({"image", "model_data_url", "model_data_source", "model_package_name", "environment"})


class Unknown:
    """A value that is known after apply only. Equal to nothing but itself: it may be any value."""

    def __repr__(self) -> str:
        return "(known after apply)"

    __str__ = __repr__


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Container:
    """One container of a model: its image, its artifact (archive, prefix or model package), its environment."""

    image: object = None
    artifact: object = None
    environment: object = field(default_factory=dict)
    rest: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """What a variant loads. `release` is None where nothing says which release it is."""

    name: object
    containers: tuple[Container, ...] = ()
    role: object = None
    isolation: object = False
    network: object = None
    release: str | None = None
    rest: Mapping[str, object] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True)
class Variant:
    """One variant. `model` is None where there is none (inference components), or where it could not be found."""

    name: str
    model_name: object
    model: Model | None
    weight: object = 1
    instance_type: object = None
    count: object = None
    serverless: object = None
    rest: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Served:
    """What one config makes an endpoint serve. `unresolved` says what of it could not be seen."""

    name: object
    variants: Mapping[str, Variant] = field(default_factory=dict)
    shadows: Mapping[str, Variant] = field(default_factory=dict)
    capture: object = None
    asynchronous: object = None
    key: object = None
    rest: Mapping[str, object] = field(default_factory=dict)
    unresolved: tuple[str, ...] = ()
    address: str = ""

    @property
    def everything(self) -> Mapping[str, Variant]:
        """Variants and shadows by name."""
        return {**self.variants, **self.shadows}

    @property
    def releases(self) -> tuple[str, ...]:
        """The releases that are known, sorted, each once."""
        found = {v.model.release for v in self.everything.values() if v.model is not None and v.model.release}
        return tuple(sorted(found))


def merged(after: Any, unknown: Any) -> Any:
    """Return planned values with UNKNOWN in the place of everything that is known after apply only."""
    if not unknown:
        return after
    if unknown is True:
        return UNKNOWN
    if isinstance(unknown, Mapping):
        values = after if isinstance(after, Mapping) else {}
        return {key: merged(values.get(key), unknown.get(key)) for key in {**values, **unknown}}
    if isinstance(unknown, list) and (isinstance(after, list) or after is None):
        known = after or []
        size = max(len(known), len(unknown))
        return [
            merged(known[at] if at < len(known) else None, unknown[at] if at < len(unknown) else None)
            for at in range(size)
        ]
    return after


def planned(after: Mapping[str, Any] | None, unknown: Any) -> Mapping[str, Any]:
    """Return a resource's planned values as `merged` does; none where all of them are unknown."""
    found = merged(after or {}, unknown)
    return found if isinstance(found, Mapping) else {}


def afterwards(resource: Resource) -> Mapping[str, Any]:
    """Return a resource's values after the apply. Of what stays they are those before: reading them twice is dear."""
    if resource.what == "none" and resource.before is not None:
        return resource.before
    return planned(resource.after, resource.unknown)


def bare(value: Any) -> Any:
    """Return a value without what means nothing (null, "", false, [], {}) at any depth, lists sorted."""
    if isinstance(value, Mapping):
        kept = {key: bare(inner) for key, inner in value.items()}
        return {key: inner for key, inner in kept.items() if not _nothing(inner)} or None
    if isinstance(value, list | tuple):
        return sorted((inner for inner in map(bare, value) if not _nothing(inner)), key=repr) or None
    return None if _nothing(value) else value


def _nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def quiet(value: Any) -> Any:
    """Return a value as `bare` does, zeros left out too: the provider reads them back where nothing is set."""
    if isinstance(value, Mapping):
        return bare({key: quiet(inner) for key, inner in value.items()})
    if isinstance(value, list | tuple):
        return bare([quiet(inner) for inner in value])
    return None if value == 0 and not isinstance(value, bool) else bare(value)


def blocks(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the blocks of a name; an unknown one counts as none (ask `opaque` first)."""
    found = values.get(name)
    if isinstance(found, Mapping):
        return [found]
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list | tuple) else []


def block(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the first block of a name, empty when there is none."""
    return next(iter(blocks(values, name)), {})


def opaque(values: Mapping[str, Any], name: str) -> bool:
    """Tell whether how many blocks of a name there are, or a whole one of them, is not known before apply."""
    found = values.get(name)
    return found is UNKNOWN or (isinstance(found, list | tuple) and any(entry is UNKNOWN for entry in found))


def variants_of(values: Mapping[str, Any], name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and block of each variant; one without a name by its place, as the provider names it at apply."""
    for at, entry in enumerate(blocks(values, name), start=1):
        named = entry.get("variant_name")
        yield (named if isinstance(named, str) and named else f"#{at}"), entry


def variant(name: str, entry: Mapping[str, Any], model: Model | None) -> Variant:
    """Return a variant as a config's block describes it. The default weight is 1."""
    weight = entry.get("initial_variant_weight")
    return Variant(
        name=name,
        model_name=entry.get("model_name") or None,
        model=model,
        weight=1 if weight is None else weight,
        instance_type=entry.get("instance_type") or None,
        count=entry.get("initial_instance_count"),
        serverless=bare(block(entry, "serverless_config")) if not opaque(entry, "serverless_config") else UNKNOWN,
        rest=_rest(entry, _OF_VARIANT),
    )


def model(values: Mapping[str, Any], *, address: str) -> Model:
    """Return a model as its resource describes it."""
    containers = [*blocks(values, "primary_container"), *blocks(values, "container")]
    found = tuple(_container(entry) for entry in containers)
    known = {"primary_container", "container", "execution_role_arn", "enable_network_isolation", "vpc_config"}
    return Model(
        name=values.get("name"),
        containers=found,
        role=values.get("execution_role_arn"),
        isolation=values.get("enable_network_isolation") or False,
        network=UNKNOWN if opaque(values, "vpc_config") else bare(block(values, "vpc_config")),
        release=_release(values, found),
        rest={
            **_rest(values, known | _NOT_CONTENT),
            **{f"{key}s": "(known after apply)" for key in ("primary_container", "container") if opaque(values, key)},
        },
        address=address,
    )


def _container(entry: Mapping[str, Any]) -> Container:
    source = block(block(entry, "model_data_source"), "s3_data_source")
    candidates: tuple[object, ...] = (
        entry.get("model_data_url"),
        source.get("s3_uri"),
        entry.get("model_package_name"),
    )
    if opaque(entry, "model_data_source"):  # the provider fills it in where another one is set
        candidates = (*candidates, UNKNOWN)
    access = {key: bare(value) for key, value in source.items() if key != "s3_uri"}
    return Container(
        image=entry.get("image") or None,
        artifact=next((value for value in candidates if value), None),
        environment=entry.get("environment") or {},
        rest=_rest(entry, _OF_CONTAINER) | ({"model_data_source": bare(access)} if bare(access) else {}),
    )


def _rest(values: Mapping[str, Any], known: frozenset[str] | set[str]) -> dict[str, object]:
    """Return what no field of a shape holds, without what the provider fills in by itself."""
    rest = {key: quiet(value) for key, value in values.items() if key not in known}
    return {key: value for key, value in rest.items() if not (value is UNKNOWN and key in _COMPUTED)}


def _release(values: Mapping[str, Any], containers: Sequence[Container]) -> str | None:
    urls = [entry.artifact for entry in containers if isinstance(entry.artifact, str)]
    found = next((match[1] for url in urls if (match := _RELEASE.match(url))), None)
    tags = values.get("tags")
    tagged = tags.get("release") if isinstance(tags, Mapping) else None
    return found or (tagged if isinstance(tagged, str) and tagged else None)


def served(
    values: Mapping[str, Any],
    variants: Mapping[str, Variant],
    shadows: Mapping[str, Variant],
    *,
    unresolved: Sequence[str],
    address: str,
) -> Served:
    """Return a config as its resource describes it, with the variants that were resolved before."""
    capture = block(values, "data_capture_config")
    return Served(
        name=values.get("name"),
        variants=variants,
        shadows=shadows,
        capture=UNKNOWN
        if opaque(values, "data_capture_config")
        else bare(capture)
        if capture.get("enable_capture", True)
        else None,
        asynchronous=UNKNOWN
        if opaque(values, "async_inference_config")
        else bare(block(values, "async_inference_config")),
        key=values.get("kms_key_arn") or None,
        rest=_rest(values, _OF_CONFIG | _NOT_CONTENT),
        unresolved=tuple(unresolved),
        address=address,
    )
