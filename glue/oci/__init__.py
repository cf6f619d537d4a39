"""Container images without a container engine: built as reproducible layers, pushed through ECR's own API."""
