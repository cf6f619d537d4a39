"""Names of container variables are refused where a human writes them, not by SageMaker minutes later."""

from __future__ import annotations

import pytest

from glue.tf.fields import FieldError, Fields


@pytest.mark.parametrize("name", ["1ST", "with-hyphen", "with space", "é", ""])
def test_a_name_that_sagemaker_refuses_is_named_with_its_file(name: str) -> None:
    with pytest.raises(FieldError, match=r"ranker\.tfvars: .*letters, digits and _"):
        Fields({"environment": {name: "x"}}, file="ranker.tfvars").variables("environment")


def test_good_names_keep_their_values() -> None:
    fields = Fields({"environment": {"LOG_LEVEL": "info", "_x1": 3}}, file="ranker.tfvars")
    assert fields.variables("environment") == {"LOG_LEVEL": "info", "_x1": "3"}
