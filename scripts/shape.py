"""Hold the shape of the code: lengths, annotations, broad excepts, stubs, and leaks.

Prints one line per fault and ends with status 1 if there is any::

    python scripts/shape.py [folder of the repository]

What is too long and cannot be cut yet stands in ``scripts/shape-ratchet.json`` with its present
size, ``{"src/menpiao/x.py": 612, "src/menpiao/x.py::long_one": 85}``. An entry may only shrink: a
larger size is a fault, and so is an entry that is no longer needed or is larger than the truth.
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
RATCHET = Path("scripts/shape-ratchet.json")

# Written by a program, not by hand: their length says nothing.
GENERATED = ("*/domain/_region_table.py", "*/domain/_country_table.py", "*/migrations/*.py")

# Hosts of package registries and paths of one machine. Written in pieces, so that this file does
# not match itself.
LEAKS = re.compile(
    "|".join(
        (
            r"(?:files\.)?py" + r"pi\.org|python" + r"hosted\.org",
            r"registry\.npm" + r"js\.org|npm" + r"mirror\.com",
            r"(?:deb|security|mirrors?)\.deb" + r"ian\.org",
            r"(?<![\w.~-])/wo" + r"rk/|(?<![\w.~-])/ro" + r"ot/",
        )
    )
)
# Hashes and pictures hold any bytes; a licence holds any address.
LEAKS_EXEMPT = {".png", ".jpg", ".ico", ".woff2", ".mo", ".wav", ".mp3"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it should be: where, and what."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Size:
    """A length that is over its limit, under the name the ratchet knows it by."""

    key: str
    place: str
    lines: int
    limit: int


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        name = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}.{node.name}" if prefix else node.name
            if not isinstance(node, ast.ClassDef):
                yield name, node
        yield from _functions(node, name)


def sizes(path: str, text: str, tree: ast.AST) -> Iterator[Size]:
    """Yield every length in a file that is over its limit."""
    lines = len(text.splitlines())
    if lines > FILE_LINES_MAX:
        yield Size(path, path, lines, FILE_LINES_MAX)
    for name, node in _functions(tree):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            key = f"{path}::{name}"
            yield Size(key, f"{path}:{node.lineno} {name}", lines, FUNCTION_LINES_MAX)


def annotation_faults(path: str, tree: ast.AST) -> Iterator[Fault]:
    """Yield every function with a parameter or a result that has no annotation."""
    for name, node in _functions(tree):
        given = node.args
        named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        named += [extra for extra in (given.vararg, given.kwarg) if extra]
        bare = [a.arg for a in named if a.annotation is None and a.arg not in {"self", "cls"}]
        if bare:
            yield Fault(f"{path}:{node.lineno}", f"{name}: no annotation for {', '.join(bare)}")
        if node.returns is None:
            yield Fault(f"{path}:{node.lineno}", f"{name}: no annotation of the result")


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(c, ast.Name) and c.id in {"Exception", "BaseException"} for c in caught)


def except_faults(path: str, text: str, tree: ast.AST) -> Iterator[Fault]:
    """Yield every broad ``except`` whose line does not say why it has to be broad."""
    rows = text.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node):
            comment = rows[node.lineno - 1].partition("#")[2]
            reason = re.sub(r"noqa(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?", "", comment).strip(" #:-")
            if len(reason) < len("any x"):
                yield Fault(f"{path}:{node.lineno}", "broad except without a reason on its line")


def stub_faults(path: str, tree: ast.AST) -> Iterator[Fault]:
    """Yield every function that does nothing but say that it is not implemented."""
    for name, node in _functions(tree):
        last = node.body[-1]
        rest = [s for s in node.body[:-1] if not isinstance(s, ast.Expr)]
        if isinstance(last, ast.Raise) and not rest and "NotImplemented" in ast.dump(last):
            yield Fault(f"{path}:{node.lineno}", f"{name}: a stub")


def leak_faults(path: str, text: str) -> Iterator[Fault]:
    """Yield every line that names a package registry's host or a path of one machine."""
    for number, row in enumerate(text.splitlines(), 1):
        found = LEAKS.search(row)
        if found:
            yield Fault(f"{path}:{number}", f"leak: {found.group()}")


def ratchet_faults(found: list[Size], allowed: dict[str, int]) -> Iterator[Fault]:
    """Hold the lengths found against the ratchet, which may only shrink."""
    for size in found:
        limit = allowed.get(size.key, size.limit)
        if size.lines > limit:
            yield Fault(size.place, f"{size.lines} lines, at most {limit}")
    present = {size.key: size.lines for size in found}
    for key, lines in allowed.items():
        if present.get(key, 0) < lines:
            now = f"lower it to {present[key]}" if key in present else "take it out"
            yield Fault(str(RATCHET), f"{key} is shorter than {lines} now: {now}")


def tracked(root: Path) -> list[str]:
    """Every file of the repository, new ones too, without what git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    names = set(done.stdout.split("\0")) - {""}
    return sorted(name for name in names if (root / name).is_file())


def check(root: Path) -> list[Fault]:
    """All faults of the repository at ``root``."""
    faults: list[Fault] = []
    found: list[Size] = []
    for name in tracked(root):
        path = root / name
        if path.suffix in LEAKS_EXEMPT:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        faults += leak_faults(name, text)
        if path.suffix != ".py" or any(path.match(pattern) for pattern in GENERATED):
            continue
        tree = ast.parse(text, name)
        found += sizes(name, text, tree)
        if name.startswith("src/"):
            faults += annotation_faults(name, tree)
            faults += except_faults(name, text, tree)
            faults += stub_faults(name, tree)
    ratchet = root / RATCHET
    allowed = json.loads(ratchet.read_text(encoding="utf-8")) if ratchet.exists() else {}
    return [*faults, *ratchet_faults(found, allowed)]


def main() -> int:
    """Check the repository named on the command line, or the one this file is in."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    faults = check(root)
    for fault in faults:
        print(fault)
    print(f"shape: {len(faults)} faults" if faults else "shape: as it should be")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
