"""Makes `.tools/`: a Terraform binary whose version fits, and CLI settings that name a provider mirror.

A Terraform on PATH is used when its version fits; otherwise the pinned release is fetched and its checksum
verified. Without a mirror the settings leave the provider to the public registry.
"""

import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
OLDEST, NEWEST = (1, 11), (2, 0)  # what the roots' required_version accepts
PROVIDER = Path("registry.terraform.io/hashicorp/aws")
# From HashiCorp's signed terraform_1.11.4_SHA256SUMS.
CHECKSUMS = {
    "1.11.4": {
        "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
        "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
        "darwin_amd64": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
        "darwin_arm64": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
    }
}


def pinned_version(tool_versions: str) -> str:
    """Return Terraform's version in the text of `.tool-versions`."""
    for line in tool_versions.splitlines():
        name, _, version = line.partition(" ")
        if name == "terraform":
            return version.strip()
    raise SystemExit(".tool-versions names no terraform version")


def fits(version: str) -> bool:
    """Say whether the roots' required_version accepts this version."""
    try:
        numbers = tuple(int(part) for part in version.partition("-")[0].split("."))
    except ValueError:
        return False
    return OLDEST <= numbers < NEWEST and "-" not in version


def version_of(binary: Path) -> str | None:
    """Return a Terraform binary's version, or None when it does not answer."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_CLI")}
    try:
        done = subprocess.run(
            [binary, "version", "-json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return str(json.loads(done.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None


def platform_name() -> str:
    """Return this machine in Terraform's words, such as linux_amd64."""
    machine = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    return f"{platform.system().lower()}_{machine.get(platform.machine().lower(), platform.machine())}"


def unpack_verified(archive: bytes, *, sha256: str, target: Path) -> None:
    """Write the `terraform` member of a release archive to target, if the archive has the wanted checksum."""
    found = hashlib.sha256(archive).hexdigest()
    if found != sha256:
        raise SystemExit(f"the Terraform archive's SHA-256 is {found}, not {sha256}: nothing was installed")
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        data = files.read("terraform")
    partial = target.with_suffix(".partial")
    partial.write_bytes(data)
    partial.chmod(0o755)
    partial.replace(target)


def fetch(version: str, target: Path) -> None:
    """Download the pinned release for this machine into target, or end the program saying what to do."""
    name = platform_name()
    sha256 = CHECKSUMS.get(version, {}).get(name)
    if sha256 is None:
        raise SystemExit(f"no checksum is pinned for Terraform {version} on {name}: install Terraform 1.11 on PATH")
    url = f"https://releases.hashicorp.com/terraform/{version}/terraform_{version}_{name}.zip"
    print(f"Fetching Terraform {version}", file=sys.stderr)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            archive = answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise SystemExit(
            f"cannot fetch {url} ({error}): install Terraform 1.11 or newer on PATH, then `make` again"
        ) from error
    unpack_verified(archive, sha256=sha256, target=target)


def mirror_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders that may hold a provider mirror, in order of preference.

    $TF_PROVIDER_MIRROR, then Terraform's implied local mirrors, then /opt/*. The implied ones:
    https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    """
    if environment.get("TF_PROVIDER_MIRROR"):
        yield Path(environment["TF_PROVIDER_MIRROR"])
    home = Path(environment.get("HOME", "/"))
    yield home / ".terraform.d/plugins"
    yield home / "Library/Application Support/io.terraform/plugins"
    yield Path(environment.get("XDG_DATA_HOME") or home / ".local/share") / "terraform/plugins"
    for folder in (environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":"):
        yield Path(folder) / "terraform/plugins"
    if Path("/opt").is_dir():
        yield from sorted(path for path in Path("/opt").iterdir() if path.is_dir())


def locked_version(lock: str) -> str:
    """Return the AWS provider's version in the text of a `.terraform.lock.hcl`."""
    match = re.search(r'"registry\.terraform\.io/hashicorp/aws" \{\s*version\s*=\s*"([^"]+)"', lock)
    if not match:
        raise SystemExit("terraform/serving/.terraform.lock.hcl names no version of the AWS provider")
    return match[1]


def find_mirror(environment: Mapping[str, str], version: str) -> Path | None:
    """Return the first folder that mirrors this version of the provider for this machine, packed or not."""
    name = platform_name()
    for folder in mirror_folders(environment):
        provider = folder / PROVIDER
        unpacked = (provider / version / name).glob("terraform-provider-aws*")
        if any(unpacked) or (provider / f"terraform-provider-aws_{version}_{name}.zip").is_file():
            return folder.resolve()
    return None


def settings(mirror: Path | None, cache: Path) -> str:
    """Return the CLI settings: the provider from the mirror if there is one, else registry and cache."""
    if mirror is None:
        return f'plugin_cache_dir   = "{cache}"\ndisable_checkpoint = true\n'
    return f"""disable_checkpoint = true

provider_installation {{
  filesystem_mirror {{
    path    = "{mirror}"
    include = ["registry.terraform.io/hashicorp/aws"]
  }}
  direct {{
    exclude = ["registry.terraform.io/hashicorp/aws"]
  }}
}}
"""


def main() -> None:
    """Put `terraform` and `terraform.rc` into .tools/."""
    TOOLS.mkdir(exist_ok=True)
    (TOOLS / "plugin-cache").mkdir(exist_ok=True)
    target = TOOLS / "terraform"
    wanted = pinned_version((ROOT / ".tool-versions").read_text())
    found = shutil.which("terraform")
    if found and (version := version_of(Path(found))) and fits(version):
        target.unlink(missing_ok=True)
        target.symlink_to(found)
    elif target.is_symlink() or version_of(target) != wanted:
        target.unlink(missing_ok=True)
        fetch(wanted, target)
    provider = locked_version((ROOT / "terraform/serving/.terraform.lock.hcl").read_text())
    rc = settings(find_mirror(os.environ, provider), TOOLS / "plugin-cache")
    (TOOLS / "terraform.rc").write_text(rc)


if __name__ == "__main__":
    main()
