"""Reads a saved plan with `terraform show -json`. What it prints holds sensitive values, and is written nowhere."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from glue.errors import SlipwayError

_LIMIT_S = 300


def show_json(plan: Path, *, folder: Path, data_dir: Path | None, binary: Path, environ: Mapping[str, str]) -> bytes:
    """Return the JSON of a saved plan. `folder` is its root module, initialised in `data_dir` (None: as usual).

    Raises SlipwayError with Terraform's own words.
    """
    environment = {**environ, "TF_IN_AUTOMATION": "1"}
    if data_dir is not None:
        environment["TF_DATA_DIR"] = str(data_dir)
    if not Path(environment.get("TF_CLI_CONFIG_FILE", "")).is_file():
        environment.pop("TF_CLI_CONFIG_FILE", None)  # a settings file that does not exist is ignored
    for name in ("TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER"):
        environment.pop(name, None)
    command = [str(binary), f"-chdir={folder}", "show", "-json", "-no-color", str(plan.resolve())]
    try:
        done = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise SlipwayError(f"terraform show took more than {_LIMIT_S} s for {plan}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").replace("│", " ").split())[:600]
        raise SlipwayError(
            f"terraform cannot show {plan} in {folder}: {said}",
            remedy=f"Initialise the root that made it (`terraform -chdir={folder} init`), and name it with --chdir.",
        )
    return done.stdout
