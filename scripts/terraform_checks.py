"""What the Terraform checks share: where things lie, and one provider process for many Terraform runs.

A Terraform run spends most of its time on starting the provider and reading its schema. One provider, started in its
debug mode, serves them all (https://developer.hashicorp.com/terraform/plugin/debugging). For checks only: what is
planned and applied for real always starts its own.
"""

import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "terraform-checks"
TERRAFORM = os.environ.get("TERRAFORM") or str(ROOT / ".tools" / "terraform")
STARTUP_SECONDS = 60


def run(folder: Path, *arguments: str, reattach: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Terraform in a folder, offline and without credentials; its working data stays below build/."""
    settings = Path(os.environ.get("TF_CLI_CONFIG_FILE", ""))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_"))}
    environment |= {
        "TF_CLI_CONFIG_FILE": str(settings if settings.is_file() else ROOT / ".tools" / "terraform.rc"),
        "TF_DATA_DIR": str(WORK / folder.relative_to(ROOT)),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }
    if reattach:
        environment["TF_REATTACH_PROVIDERS"] = reattach
    return subprocess.run(
        [TERRAFORM, f"-chdir={folder}", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def provider_binary(folder: Path) -> Path:
    """Return the AWS provider's program, as `terraform init` of that folder installed it."""
    found = sorted((WORK / folder.relative_to(ROOT) / "providers").glob("*/hashicorp/aws/*/*/terraform-provider-aws*"))
    if not found:
        raise SystemExit(f"terraform init of {folder.relative_to(ROOT)} installed no AWS provider")
    return found[-1]


@contextmanager
def shared_provider(binary: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start the provider in debug mode and give the value of TF_REATTACH_PROVIDERS; it ends with the context.

    It gets no AWS settings but the given ones: with AWS_CA_BUNDLE a provider process can be configured only once.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | dict(settings or {})
    with subprocess.Popen(
        [binary, "-debug"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    ) as provider:  # fmt: skip
        try:
            yield _reattach(provider)
        finally:
            provider.terminate()


def _reattach(provider: subprocess.Popen[bytes]) -> str:
    """Read the provider's announcement: a line TF_REATTACH_PROVIDERS='{...}'."""
    if provider.stdout is None:
        raise SystemExit("the AWS provider has no output to read")
    text, deadline = b"", time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and select.select([provider.stdout], [], [], 1)[0] is not None:
        if select.select([provider.stdout], [], [], 0)[0]:
            text += os.read(provider.stdout.fileno(), 65536)
        for line in text.decode(errors="replace").splitlines():
            name, _, value = line.strip().partition("=")
            if name == "TF_REATTACH_PROVIDERS" and value.endswith("'"):
                return json.dumps(json.loads(value.strip("'")))
        if provider.poll() is not None:
            break
    raise SystemExit(f"the AWS provider did not start in debug mode: {text[-500:]!r}")
