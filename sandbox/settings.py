"""The sandbox's settings: where it lies, where it listens, whose accounts it plays."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REGION = "eu-west-1"
DEFAULT_PORT = 4700
# One account for each environment, the account of the application that calls production, and the one in which
# the people who operate them have their users.
ENVIRONMENT_ACCOUNTS: Mapping[str, str] = {
    "dev": "111111111111",
    "qa": "222222222222",
    "production": "333333333333",
}
APPLICATION_ACCOUNT = "444444444444"
APPLICATION_ROLE = "search-application"
# An account that belongs to nobody here: whatever its administrator may do in ours, a policy of ours gave away.
OUTSIDER_ACCOUNT = "555555555555"
OUTSIDER_ROLE = "outsider"
PEOPLE_ACCOUNT = "999999999999"
PERSON = "person"
OPERATOR_ROLE = "operator"


@dataclass(frozen=True)
class Settings:
    """Everything that the sandbox's parts need to know; made once, handed to every `install(settings)`."""

    home: Path
    repository: Path
    port: int = DEFAULT_PORT
    host: str = "127.0.0.1"
    region: str = REGION
    run_id: str = ""  # names one start of the server; its child processes carry it in their environment
    accounts: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT_ACCOUNTS)

    @property
    def url(self) -> str:
        """The one address under which every service answers."""
        return f"http://{self.host}:{self.port}"

    @property
    def python(self) -> Path:
        """The interpreter for workloads: the base one, so that they see only the packages of their own image."""
        return Path(getattr(sys, "_base_executable", "") or sys.executable)

    @property
    def env_file(self) -> Path:
        """Shell exports for everybody who works on the sandbox."""
        return self.home / "env"

    @property
    def aws_config(self) -> Path:
        """The file that AWS_CONFIG_FILE names."""
        return self.home / "aws" / "config"

    @property
    def aws_credentials(self) -> Path:
        """The file that AWS_SHARED_CREDENTIALS_FILE names."""
        return self.home / "aws" / "credentials"

    @property
    def environments(self) -> Path:
        """The sandbox's own copy of `environments/`."""
        return self.home / "environments"

    @property
    def work(self) -> Path:
        """Plans, Terraform data folders and locks of the sandbox's environments."""
        return self.home / "work"

    @property
    def images(self) -> Path:
        """Image layers and unpacked images."""
        return self.home / "images"

    @property
    def objects(self) -> Path:
        """Contents of S3 objects that are too large for memory."""
        return self.home / "objects"

    @property
    def workloads(self) -> Path:
        """One record for each process that the server started."""
        return self.home / "workloads"

    @property
    def record(self) -> Path:
        """Which process serves, since when."""
        return self.home / "server.json"

    @property
    def server_log(self) -> Path:
        """What the server says."""
        return self.home / "server.log"

    @property
    def requests_log(self) -> Path:
        """One JSON object a line for each request."""
        return self.home / "requests.jsonl"


def from_environment(*, home: str | None = None, port: int | None = None, run_id: str = "") -> Settings:
    """Return the settings that SANDBOX_HOME and SANDBOX_PORT ask for; arguments win over them.

    Raises ValueError when the port is not a number from 1 to 65535.
    """
    repository = Path(__file__).resolve().parent.parent
    chosen_home = home or os.environ.get("SANDBOX_HOME") or ""
    text = str(port) if port is not None else os.environ.get("SANDBOX_PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ValueError(f"the port must be a number from 1 to 65535, not {text!r}")
    return Settings(
        home=Path(chosen_home).absolute() if chosen_home else repository / ".sandbox",
        repository=repository,
        port=int(text),
        run_id=run_id,
    )
