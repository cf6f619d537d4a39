"""Builds a Lambda package from a folder: `build_function.py SRC_DIR OUT_ZIP`. The same input gives the same bytes.

A `package.txt` beside the folder names further files of the repository, one a line; they keep their paths in the zip.

Terraform compares the hash of the package, so nothing of this machine may get into it: no times, owners, modes, order
of the folder, or version of the compression library (files are stored).
"""

import hashlib
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
UNIX = 3
MODE = 0o100644  # Lambda runs as another user: files must be readable by all


def members(source: Path) -> list[Path]:
    """Return the files to pack, sorted by their name in the zip. Exits on a link, or when there is none."""
    found = []
    for path in source.rglob("*"):
        name = path.relative_to(source)
        if "__pycache__" in name.parts or path.suffix == ".pyc":
            continue
        if path.is_symlink():
            sys.exit(f"{path} is a link, which a package cannot hold: put the file itself there")
        if path.is_file():
            found.append(path)
    if not found:
        sys.exit(f"{source} holds no files: is it the folder of a function?")
    return sorted(found, key=lambda path: path.relative_to(source).as_posix().encode())


def shared(source: Path, root: Path) -> list[Path]:
    """Return the files that package.txt names. Exits when one is no file of the repository, or is in the folder too."""
    listing = source.resolve().parent / "package.txt"
    lines = listing.read_text(encoding="utf-8").split() if listing.is_file() else []
    for line in lines:
        path = root / line
        if not path.is_file() or path.is_symlink() or not path.resolve().is_relative_to(root):
            sys.exit(f"{listing} names {line}, which is not a file of this repository")
        if (source / line).exists():
            sys.exit(f"{listing} names {line}, which {source} holds as well")
    return [root / line for line in lines]


def package(source: Path, target: Path, root: Path = ROOT) -> str:
    """Write the zip in one step and return its SHA-256 in hex."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.new")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
        named = [(path, path.relative_to(source).as_posix()) for path in members(source)]
        named += [(path, path.relative_to(root).as_posix()) for path in shared(source, root)]
        for path, name in sorted(named, key=lambda pair: pair[1].encode()):
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system = UNIX
            info.external_attr = MODE << 16
            archive.writestr(info, path.read_bytes())
    digest = hashlib.sha256(unfinished.read_bytes()).hexdigest()
    unfinished.replace(target)
    return digest


def main(arguments: list[str]) -> None:
    """Exit 2 on wrong usage, 1 when the folder cannot be packed."""
    if len(arguments) != 2:
        print("usage: build_function.py SRC_DIR OUT_ZIP", file=sys.stderr)
        sys.exit(2)
    source, target = Path(arguments[0]), Path(arguments[1])
    if not source.is_dir():
        sys.exit(f"{source} is not a folder")
    print(f"{package(source, target)}  {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
