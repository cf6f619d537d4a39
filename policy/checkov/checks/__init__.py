"""Checks that checkov lacks, in checkov's own format: `checkov --external-checks-dir policy/checkov/checks`."""
