# placeholder while the first slice grows; see `make help`
.PHONY: setup
setup:
	.venv/bin/pip install -q --no-deps --no-build-isolation -e .
