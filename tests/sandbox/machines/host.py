"""What a pipeline's machine has: a clean checkout, tools, an environment without keys, and a transcript of it all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.sandbox.estate import REPOSITORY, Estate

AGO = 1_600_000_000  # a checkout's files are older than what was set up from them
# What would run all tests in a test. Each is another line of `make test`, and is only looked up here.
RECURSIVE = {"make check", "make test"}
KEPT = (
    "AWS_ENDPOINT_URL",
    "AWS_EC2_METADATA_DISABLED",
    "NO_PROXY",
    "no_proxy",
    "TF_CLI_ARGS_init",
    "TF_CLI_CONFIG_FILE",
)
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "TERRAFORM", "TF_PROVIDER_MIRROR")
LIMIT_S = 300


@dataclass
class Transcript:
    """What ran, in order, with what it said; also the commands alone, for tests."""

    file: Path
    commands: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text("")

    def say(self, line: str) -> None:
        with self.file.open("a") as file:
            file.write(f"{line}\n")

    def heading(self, text: str) -> None:
        self.say(f"\n=== {text}  [{time.monotonic() - self.began:.0f} s]")


@dataclass
class Host:
    """One job's machine. Nothing of an earlier job is on it but what the vendor carries over."""

    estate: Estate
    folder: Path
    transcript: Transcript
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    def base(self) -> dict[str, str]:
        """The environment of every step: where AWS is, and no credential at all."""
        found = {name: value for name in PASSED_ON if (value := os.environ.get(name))}
        found |= {name: value for name, value in self.estate.environ.items() if name.startswith(KEPT)}
        return found | {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CI": "true",
            "NO_COLOR": "1",
            "PYTHONPATH": str(self.checkout),
            **self.environment,
        }

    def clone(self, origin: Path, commit: str) -> None:
        """What a checkout step does, and what a runner's cache would: the tools are linked."""
        git(self.folder, "clone", "--quiet", str(origin), str(self.checkout))
        git(self.checkout, "checkout", "--quiet", "--detach", commit)
        self.furnish()

    def furnish(self) -> None:
        """Link the tools that `make setup` would make anew in a minute."""
        for path in self.checkout.rglob("*"):
            if path.is_file() and ".git" not in path.relative_to(self.checkout).parts:
                os.utime(path, (AGO, AGO))
        (self.checkout / ".git/info/exclude").write_text(".venv\n.tools\n.slipway\n")
        for name in (".venv", ".tools"):
            place = self.checkout / name
            if not place.exists():
                place.symlink_to(REPOSITORY / name)
        (self.checkout / ".slipway").mkdir(exist_ok=True)
        cached = self.checkout / ".slipway" / "images"
        if not cached.exists():
            cached.symlink_to(REPOSITORY / ".slipway" / "images")
        shutil.copytree(
            REPOSITORY / "build/functions",
            self.checkout / "build/functions",
            copy_function=shutil.copyfile,  # made now: nothing of the checkout is newer
            dirs_exist_ok=True,
        )

    def run(self, script: str, more: Mapping[str, str]) -> int:
        """Run a step's shell as the vendors do, and write down what it said. Returns its exit code."""
        self.transcript.commands.append(script)
        for line in script.strip().splitlines():
            shown = " ".join(f"{name}={value}" for name, value in sorted(more.items()) if "TOKEN" not in name)
            self.transcript.say(f"$ {shown}{' ' if shown else ''}{line}")
        if script.strip() in RECURSIVE:
            self.transcript.say("[not run here: it is another part of `make test`, which runs this; the target exists]")
            return self._shell(f"{script} --dry-run --question >/dev/null || [ $? -eq 1 ]", more)
        code = self._shell(script, more)
        self.transcript.say(f"[exit {code}]")
        return code

    def _shell(self, script: str, more: Mapping[str, str]) -> int:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.checkout,
            env={**self.base(), **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        self.transcript.say(_readable(done.stdout.rstrip(), self.folder))
        return done.returncode

    def put_away(self) -> None:
        """The job is over: its identity is gone, and so is what renewed it."""
        shutil.rmtree(self.checkout / "build" / "identity", ignore_errors=True)


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody, and return what it said."""
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def token(estate: Estate, *arguments: str) -> str:
    """Return what an issuer gives a job: `python -m sandbox token`."""
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "token", *arguments],
        cwd=REPOSITORY, env=estate.environ, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.strip()


def _readable(said: str, folder: Path) -> str:
    said = said.replace(str(folder), "~").replace(str(REPOSITORY), "~tools")
    return re.sub(r"eyJ[\w-]{10,}\.[\w.-]+", "(token)", said)
