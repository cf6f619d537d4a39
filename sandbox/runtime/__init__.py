"""What runs as a process of its own: model servers, training jobs, functions."""
