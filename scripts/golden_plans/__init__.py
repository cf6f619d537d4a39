"""`python -m scripts.golden_plans [NAME ...]`: makes the plans of tests/review/plans anew, with real Terraform.

A plan of a change needs the state before it, and there is no AWS here. So the configuration before is planned first,
and what it would have made becomes the state (`prior.py`), until a plan of the same configuration says "no changes".
What is kept is the output of `terraform show -json` as it is, but for its time and the paths of this machine.
"""
