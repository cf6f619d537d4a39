"""Runs parliament: takes policies as JSON by name on stdin, writes what it found as JSON. Lives in .tools/checkov."""

import json
import sys

from parliament import analyze_policy_string  # type: ignore[import-not-found,unused-ignore]


def main() -> None:
    """Write a list of findings: name of the policy, issue, detail."""
    found = [
        {"policy": name, "issue": finding.issue, "detail": str(finding.detail)}
        for name, document in json.load(sys.stdin).items()
        for finding in analyze_policy_string(json.dumps(document), name).findings
    ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
