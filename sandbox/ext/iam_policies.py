"""Managed policies: a version that is the default already can be made it again.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html; moto leaves none marked then.
"""

from __future__ import annotations

from moto.iam.models import ManagedPolicy

from sandbox.settings import Settings


def install(settings: Settings) -> None:
    """Mark the default version, and that one only."""
    del settings
    ManagedPolicy.update_default_version = _choose


def _choose(policy: ManagedPolicy, new_default_version_id: str) -> None:
    for version in policy.versions:
        version.is_default = version.version_id == new_default_version_id
    policy.default_version_id = new_default_version_id
