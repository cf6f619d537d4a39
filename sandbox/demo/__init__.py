"""`make demo`: the product's main job, told from an empty machine to a model that answers in production."""
