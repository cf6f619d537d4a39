"""Makes checkov judge every policy of a plan.

checkov keeps a parsed policy by the resource's type and name, without its module: of all policies called `this` in
a plan it judges the first one, again and again, and which one is first differs from plan to plan.
"""

from collections.abc import KeysView
from typing import Any

from checkov.terraform.checks.utils.base_cloudsplaining_iam_scanner import BaseTerraformCloudsplainingIAMScanner


class _Forgetful(dict[str, Any]):
    """A cache that never says that it knows something."""

    def keys(self) -> KeysView[str]:
        return {}.keys()


BaseTerraformCloudsplainingIAMScanner.policy_document_cache = _Forgetful()
