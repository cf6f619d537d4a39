"""Who can newly do what on what, and who no longer can: computed from what policies mean."""

from glue.review.access.inspecting import compare, inspect

__all__ = ["compare", "inspect"]
