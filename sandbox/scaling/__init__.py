"""Application Auto Scaling: policies, schedules and activities that change instance counts."""
