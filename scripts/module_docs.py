"""Writes the tables of each module's README from its variables, outputs and permission tables; `--check` compares.

Only what stands between `<!-- tables -->` and `<!-- /tables -->` is written; the rest of a README is a human's. The
repository's own README has the endpoint module's presets, between `<!-- presets -->` and `<!-- /presets -->`.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hcl2

ROOT = Path(__file__).resolve().parent.parent
TABLES, PRESETS = "tables", "presets"
GROUP = re.compile(
    r"^ {2}(\w+) += (?:merge\((?P<parts>[^{}]*), )?\{\n(?P<body>.*?)^ {2}\}\)?$", re.MULTILINE | re.DOTALL
)
STATEMENT = re.compile(r"^ {4}([A-Z]\w+) = (\{\n.*?^ {4}\})$", re.MULTILINE | re.DOTALL)


class DocsError(Exception):
    """A README that cannot be written, with what to do."""


def unquoted(text: str) -> str:
    """Return what an HCL string literal says, or an expression without its `${}`."""
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if text.startswith("${") and text.endswith("}"):
        return text[2:-1]
    return text


def literal(value: object) -> str:
    """Return a parsed default as somebody would write it in HCL."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {literal(item)}" for key, item in value.items() if not key.startswith("__"))
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    text = str(value)
    return unquoted(text) if text.startswith("${") else text


def code(text: str) -> str:
    """Return a Markdown code span that survives in a table's cell."""
    return f"`{text}`".replace("|", "\\|")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def blocks(module: Path, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and body of each block of a kind in a module's own files, by name."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted(module.glob("*.tf")):
        for block in hcl2.loads(path.read_text()).get(kind, []):
            found |= {unquoted(name): body for name, body in block.items()}
    yield from sorted(found.items())


def described(module: Path, kind: str, name: str, body: Mapping[str, Any]) -> str:
    """Return a variable's or output's description. Raises DocsError when it has none."""
    if not body.get("description"):
        raise DocsError(f"{module.name}: {kind} {name} has no description. Say in one sentence what it is.")
    return unquoted(str(body["description"])).replace("|", "\\|")


def variables(module: Path) -> str:
    """Return the table of a module's variables."""
    rows = [
        [
            code(name),
            code(unquoted(str(body["type"]))),
            code(literal(body["default"])) if "default" in body else "required",
            described(module, "variable", name, body),
        ]
        for name, body in blocks(module, "variable")
    ]
    return table(["variable", "type", "default", "what it is"], rows)


def outputs(module: Path) -> str:
    """Return the table of a module's outputs."""
    rows = [[code(name), described(module, "output", name, body)] for name, body in blocks(module, "output")]
    return table(["output", "what it is"], rows)


def cell(value: object) -> str:
    """Return the parts of a permission, one to a line."""
    parts = value if isinstance(value, list) else [value]
    return "<br>".join(code(unquoted(str(part))) for part in parts)


def condition(value: object) -> str:
    """Return a condition as `test key values`, or the name of a shared one."""
    if isinstance(value, Mapping):
        values = ", ".join(unquoted(str(item)) for item in value["values"])
        return code(f"{unquoted(value['test'])} {unquoted(value['variable'])}: {values}")
    return code(unquoted(str(value)))


def conditions(value: object) -> str:
    """Return all conditions of a permission; empty when there are none."""
    return "<br>".join(map(condition, value)) if isinstance(value, list) else condition(value)


def statements(body: str) -> list[list[str]]:
    """Return the rows of a permission table: name, effect and actions, resources, conditions."""
    rows = []
    for name, text in STATEMENT.findall(body):
        parsed = hcl2.loads(f"locals {{\n  this = {text}\n}}\n")["locals"][0]["this"]
        denied = unquoted(str(parsed.get("effect", ""))) == "Deny"
        rows.append(
            [
                name,
                ("never " if denied else "") + cell(parsed["actions"]),
                cell(parsed["resources"]),
                conditions(parsed["conditions"]),
            ]
        )
    return rows


def heading(name: str) -> str:
    """Return a permission group's heading: what a local's name cannot hold, the intent's name does."""
    return name.replace("_", "-")


def permissions(module: Path) -> str:
    """Return the permission tables of a module that keeps any; empty otherwise."""
    parts = []
    for path in sorted(module.glob("*.tf")):
        for group in GROUP.finditer(path.read_text()):
            rows = statements(group["body"])
            if not rows:
                continue
            shared = ", ".join(
                code(heading(part.strip().removeprefix("local.")))
                for part in (group["parts"] or "").split(",")
                if part.strip()
            )
            parts.append(f"### {heading(group[1])}\n")
            parts.append(f"With all of {shared}.\n" if shared else "")
            parts.append(table(["statement", "may", "on", "only if"], rows) + "\n")
    return "\n".join(part for part in parts if part)


def presets(module: Path) -> str:
    """Return the table of a module's literal local `deployment_profiles`; empty when it has none."""
    for path in sorted(module.glob("*.tf")):
        for block in hcl2.loads(path.read_text()).get("locals", []):
            found = block.get("deployment_profiles")
            if isinstance(found, Mapping):
                return _presets({unquoted(name): row for name, row in found.items() if not name.startswith("__")})
    return ""


def _presets(found: Mapping[str, Mapping[str, Any]]) -> str:
    columns = [unquoted(key) for key in next(iter(found.values())) if not key.startswith("__")]
    rows = [
        [code(name), *(code(shown) if index + 1 < len(columns) else shown for index, shown in enumerate(cells))]
        for name, row in found.items()
        for cells in [[unquoted(literal(row[column])) for column in columns]]
    ]
    return table(["preset", *map(code, columns[:-1]), columns[-1]], rows)


def tables(module: Path) -> str:
    """Return all generated text of a module's README."""
    sections = [
        ("Presets", presets(module)),
        ("Variables", variables(module)),
        ("Outputs", outputs(module)),
        ("Permissions", permissions(module)),
    ]
    return "\n\n".join(f"## {title}\n\n{body.strip()}" for title, body in sections if body)


def rewritten(folder: Path, marker: str, generated: str) -> tuple[Path, str, str]:
    """Return a folder's README with what it says and what it should say. Raises DocsError without README or markers."""
    readme, begin, end = folder / "README.md", f"<!-- {marker} -->", f"<!-- /{marker} -->"
    text = readme.read_text() if readme.is_file() else ""
    if begin not in text or end not in text:
        raise DocsError(
            f"{folder.name}: README.md must exist and hold the lines {begin} and {end}, for the tables between them."
        )
    before, _, rest = text.partition(begin)
    return readme, text, f"{before}{begin}\n{generated}\n{end}{rest.partition(end)[2]}"


def main(arguments: Sequence[str], modules: Path = ROOT / "modules") -> int:
    """Write all tables, or compare with `--check`; return the exit code."""
    problems = []
    wanted = [(path.parent, TABLES, path.parent, tables) for path in sorted(modules.glob("*/versions.tf"))]
    if (endpoint := modules / "model-endpoint").is_dir():
        wanted.append((modules.parent, PRESETS, endpoint, presets))
    for folder, marker, module, generate in wanted:
        try:
            readme, is_, should = rewritten(folder, marker, generate(module))
        except DocsError as error:
            problems.append(str(error))
            continue
        if is_ != should and "--check" in arguments:
            problems.append(f"{folder.name}: the tables of README.md are out of date. `make docs` writes them anew.")
        elif is_ != should:
            readme.write_text(should)
            print(f"{folder.name}: tables written", file=sys.stderr)
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
