"""Three AWS accounts on one machine: moto's server with what it lacks, started by `python -m sandbox start`."""
