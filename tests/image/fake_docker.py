"""A stand-in for the program `docker`: it records how it is called, and hands out a finished OCI layout as its build.

No container engine is behind it: the tests prove what is asked of Docker and what is done with its answer, not Docker.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

OPTIONS = {"--file", "--platform", "--build-arg", "--output", "--metadata-file"}


def main() -> int:
    folder = Path(os.environ["FAKE_DOCKER"])
    words = sys.argv[1:]
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({"argv": words, "cwd": str(Path.cwd())}) + "\n")
    if words[:2] != ["buildx", "build"]:
        return int((folder / "daemon-code").read_text()) if words[0] == "version" else 0
    if (folder / "error.txt").exists():
        sys.stderr.write((folder / "error.txt").read_text())
        return 1
    given: dict[str, list[str]] = {}
    rest = iter(words[2:])
    for word in rest:
        if word in OPTIONS:
            given.setdefault(word, []).append(next(rest))
    output = dict(item.partition("=")[::2] for item in given["--output"][0].split(","))
    shutil.copytree(folder / "layout", output["dest"])
    shutil.copy(folder / "metadata.json", given["--metadata-file"][0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
