"""AWS profiles for the product's roles: so that any AWS tool, Terraform first, works in a role by naming a profile.

`<work>/aws/config` holds one profile for each role that was used; its `credential_process` assumes the role with the
caller's own settings. A command is then `AWS_CONFIG_FILE=<work>/aws/config AWS_PROFILE=slipway-qa-deploy-serving …`,
and does the same when a person types it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glue.aws import credential_process
from glue.core.environment import Environment

# Who the caller is, apart from keys. https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
_SETTINGS = (
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
_PATHS = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
# What a profile says about whose credentials it gives. All else in it (endpoints, proxies, retries) stays.
_CREDENTIALS = {
    "credential_process",
    "credential_source",
    "duration_seconds",
    "external_id",
    "login_session",
    "mfa_serial",
    "region",
    "role_arn",
    "role_session_name",
    "source_profile",
    "web_identity_token_file",
}


class RoleProfiles:
    """The generated profiles, in a folder that only this user may enter."""

    def __init__(self, folder: Path, *, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ

    @property
    def config_file(self) -> Path:
        """What AWS_CONFIG_FILE names."""
        return self._folder / "config"

    def name(self, environment: Environment, role: str) -> str:
        """Return a role's profile: the role's own name."""
        return environment.role_arn(role).rpartition("/")[2]

    def write(self, environment: Environment, role: str, *, profile: str | None) -> str:
        """Write the profile of a role, for the caller who uses `profile` now, and return its name."""
        name = self.name(environment, role)
        self._roles.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        request = self._request_file(name)
        _replace(request, self._request(environment, role, profile))
        program = [sys.executable, "-I", str(Path(credential_process.__file__).resolve()), str(request.resolve())]
        lines = [f"[profile {name}]", f"credential_process = {shlex.join(program)}", f"region = {environment.region}"]
        _replace(request.with_suffix(".ini"), "\n".join([*lines, *_other_settings(profile, name), ""]))
        self._collect()
        return name

    def keep(self, environment: Environment, role: str, metadata: Mapping[str, str], *, profile: str | None) -> None:
        """Keep credentials that were just assumed, so that the first command need not assume the role again."""
        self._roles.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        request = self._request_file(self.name(environment, role))
        credential_process.keep(str(request), self._request(environment, role, profile), metadata)

    @property
    def _roles(self) -> Path:
        return self._folder / "roles"

    def _request_file(self, name: str) -> Path:
        return self._roles / f"{name}.json"

    def _request(self, environment: Environment, role: str, profile: str | None) -> str:
        variables: dict[str, str | None] = {name: self._environ.get(name) for name in _SETTINGS}
        for name in _PATHS:
            value = variables[name]
            variables[name] = str(Path.cwd() / Path(value).expanduser()) if value else value
        variables["AWS_PROFILE"] = profile
        where = {
            "name": environment.name,
            "account_id": environment.account_id,
            "region": environment.region,
            "project": environment.project,
        }
        return json.dumps({"environment": where, "role": role, "variables": variables}, sort_keys=True)

    def _collect(self) -> None:
        """Write the config file from all profiles; calls side by side, in this process and in others, wait here."""
        descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            profiles = [path.read_text(encoding="utf-8") for path in sorted(self._roles.glob("*.ini"))]
            _replace(self.config_file, "# Generated; docs/decisions/0008 says why.\n\n" + "\n".join(profiles))
        finally:
            os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    """Write a file unless it says so already."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except OSError:
        pass
    credential_process.write_private(path, text)


def _other_settings(profile: str | None, name: str) -> list[str]:
    """Return the lines of the caller's profile that are not about credentials, and its `services` under an own name."""
    import botocore.session  # noqa: PLC0415 - only commands that talk to AWS pay for it

    config: Mapping[str, Any] = botocore.session.Session().full_config
    found = config.get("profiles", {}).get(profile or "default", {})
    kept = {name: value for name, value in found.items() if name not in _CREDENTIALS and not _is_login(name)}
    services = config.get("services", {}).get(kept.pop("services", None))
    if services:
        return [*_lines(kept), f"services = {name}", "", f"[services {name}]", *_lines(services)]
    return _lines(kept)


def _is_login(name: str) -> bool:
    return name.startswith(("sso_", "aws_"))


def _lines(settings: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            lines += [f"{name} =", *(f"  {inner} = {text}" for inner, text in value.items())]
        else:
            lines.append(f"{name} = {value}")
    return lines
