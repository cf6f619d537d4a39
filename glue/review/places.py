"""In which account and region a resource lives, as far as a plan says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from glue.review.resource import Resource

_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]*:([a-z0-9-]*):(\d{12}):")
_IDENTITIES = ("arn", "id", "endpoint_arn", "role_arn", "execution_role_arn", "role", "topic_arn", "queue_arn")
_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')


class Places:
    """Answers from ARNs first, then from the provider's settings, then from what AWS told the plan about itself."""

    def __init__(
        self, configuration: Mapping[str, Any], variables: Mapping[str, Any], prior: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._variables = variables
        self._prior = prior
        providers = configuration.get("provider_config")
        self._providers: Mapping[str, Any] = providers if isinstance(providers, dict) else {}
        root = configuration.get("root_module")
        self._root: Mapping[str, Any] = root if isinstance(root, dict) else {}
        self._keys: dict[str, str | None] = {}
        self._said: dict[str, str | None] = {}

    def region(self, resource: Resource) -> str | None:
        """Return a resource's region: its own attribute, its ARN, or its provider's setting."""
        own = resource.values.get("region")
        if isinstance(own, str) and own:
            return own
        found = _ARN.match(str(resource.values.get("arn") or (resource.before or {}).get("arn") or ""))
        if found and found.group(1):
            return found.group(1)
        setting = self._setting(resource, "region")
        return setting if isinstance(setting, str) else self._data("aws_region", "region", "name")

    def account(self, resource: Resource) -> str | None:
        """Return a resource's account: of its ARN, of its provider's one allowed account, or of the caller."""
        for values in (resource.before, resource.after):
            found = _ARN.match(str((values or {}).get("arn") or ""))
            if found:
                return found.group(2)
        allowed = self._setting(resource, "allowed_account_ids")
        if isinstance(allowed, list) and len(allowed) == 1:
            return str(allowed[0])
        return self._data("aws_caller_identity", "account_id")

    def _data(self, kind: str, *attributes: str) -> str | None:
        """Return what the plan's data sources of a kind say; when they disagree, none is believed."""
        if kind not in self._said:
            entries = [self._prior[address] for address in self._prior if f"data.{kind}." in address]
            found = {next((str(entry[name]) for name in attributes if entry.get(name)), None) for entry in entries}
            self._said[kind] = found.pop() if len(found) == 1 else None
        return self._said[kind]

    def _setting(self, resource: Resource, name: str) -> Any:
        key = self._key(resource)
        provider = self._providers.get(key) if key else self._only(resource.provider)
        expressions = provider.get("expressions") if isinstance(provider, dict) else None
        return self._value(expressions.get(name)) if isinstance(expressions, dict) else None

    def _only(self, full_name: str) -> Mapping[str, Any] | None:
        found = [
            entry
            for entry in self._providers.values()
            if isinstance(entry, dict) and full_name and entry.get("full_name") == full_name
        ]
        return found[0] if len(found) == 1 else None

    def _key(self, resource: Resource) -> str | None:
        """Return the key of a resource's provider in the configuration: `aws`, `aws.replica`, `module.x:aws`."""
        plain = _INDEX.sub("", resource.address)
        if plain not in self._keys:
            self._keys[plain] = self._look_up(_INDEX.sub("", resource.module), resource)
        return self._keys[plain]

    def _look_up(self, module: str, resource: Resource) -> str | None:
        inside: Any = self._root
        for name in re.findall(r"module\.([^.]+)", module):
            calls = inside.get("module_calls") if isinstance(inside, dict) else None
            call = calls.get(name) if isinstance(calls, dict) else None
            inside = call.get("module") if isinstance(call, dict) else None
        entries = inside.get("resources") if isinstance(inside, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and (entry.get("type"), entry.get("name")) == (resource.type, resource.name):
                key = entry.get("provider_config_key")
                return key if isinstance(key, str) else None
        return None

    def _value(self, expression: Any) -> Any:
        """Return a literal, or the value of a root variable (`var.environment.region`)."""
        if isinstance(expression, list):
            return None
        if not isinstance(expression, dict):
            return None
        if "constant_value" in expression:
            return expression["constant_value"]
        references = expression.get("references")
        names = [name for name in references if isinstance(name, str)] if isinstance(references, list) else []
        longest = max(names, key=len, default="")
        if not longest.startswith("var.") or any(not longest.startswith(name) for name in names):
            return None
        return self._variable(longest.split(".")[1:])

    def _variable(self, steps: list[str]) -> Any:
        entry = self._variables.get(steps[0])
        value = entry.get("value") if isinstance(entry, dict) else None
        for step in steps[1:]:
            value = value.get(step) if isinstance(value, dict) else None
        return value
