"""Pure rules: naming, planning, rendering. Imports neither boto3 nor click (a test enforces it)."""
