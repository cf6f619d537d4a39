"""What stands between SageMaker's container contract and a model's own code. Standard library and gunicorn only."""
