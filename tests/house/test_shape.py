"""The shape check finds what it is for; each fault is planted in a small repository."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/shape.py"
LONG = "def long_one() -> None:\n" + "    pass\n" * 80


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "src/menpiao").mkdir(parents=True)
    (tmp_path / "scripts").mkdir()
    return tmp_path


def faults(root: Path, name: str, text: str) -> list[str]:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    *rows, verdict = done.stdout.splitlines()
    assert done.returncode == bool(rows), done.stderr
    assert verdict.startswith("shape: ")
    return rows


def ratchet(root: Path, allowed: dict[str, int]) -> None:
    (root / "scripts/shape-ratchet.json").write_text(json.dumps(allowed), encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("x = 1\n" * 501, "501 lines, at most 500"),
        (LONG, "long_one: 81 lines, at most 70"),
        ("class A:\n" + LONG.replace("\n", "\n ").replace("def", " def", 1), "A.long_one: 81"),
        ("def f(a, b: int) -> None: ...\n", "f: no annotation for a"),
        ("def f(a: int, *rest, **more: int) -> None: ...\n", "f: no annotation for rest"),
        ("class A:\n    def f(self): ...\n", "A.f: no annotation of the result"),
        ("try:\n    x = 1\nexcept Exception:\n    x = 2\n", ":3: broad except"),
        ("try:\n    x = 1\nexcept:  # noqa: E722\n    x = 2\n", ":3: broad except"),
        ("try:\n    x = 1\nexcept (OSError, BaseException):\n    x = 2\n", ":3: broad except"),
        ('def f() -> None:\n    """Promise."""\n    raise NotImplementedError\n', "f: a stub"),
        ("x = 'https://py" + "pi.org/simple'\n", ":1: leak: py"),
        ("x = '/wo" + "rk/main'\n", ":1: leak: /wo"),
    ],
)
def test_a_planted_fault_is_found(repository: Path, text: str, part: str) -> None:
    (row,) = faults(repository, "src/menpiao/planted.py", text)
    assert row.startswith("src/menpiao/planted.py")
    assert part in row.replace("planted.py:1 ", "").replace("planted.py:2 ", "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("src/menpiao/a.py", "x = 1\n" * 500),
        ("src/menpiao/a.py", "class A:\n    def f(self, a: int) -> None: ...\n"),
        (
            "src/menpiao/a.py",
            "try:\n    x = 1\nexcept Exception:  # noqa: BLE001 - it may be any\n    x = 2\n",
        ),
        ("src/menpiao/a.py", "x = 'a network/work/list and framework/'\n"),
        ("tests/test_a.py", "def test_a(tmp_path): ...\n"),
        ("src/menpiao/domain/_region_table.py", "x = 1\n" * 501),
        ("src/menpiao/storage/database/migrations/0001_x.py", "x = 1\n" * 501),
    ],
)
def test_what_is_fine_is_not_a_fault(repository: Path, name: str, text: str) -> None:
    assert faults(repository, name, text) == []


def test_the_ratchet_allows_what_it_names_and_no_line_more(repository: Path) -> None:
    key = "src/menpiao/planted.py"
    ratchet(repository, {key: 510})
    assert faults(repository, key, "x = 1\n" * 510) == []
    (row,) = faults(repository, key, "x = 1\n" * 511)
    assert "511 lines, at most 510" in row


def test_the_ratchet_may_only_shrink(repository: Path) -> None:
    key = "src/menpiao/planted.py"
    ratchet(repository, {key: 510})
    (row,) = faults(repository, key, "x = 1\n" * 505)
    assert "lower it to 505" in row
    (row,) = faults(repository, key, "x = 1\n" * 400)
    assert "take it out" in row


def test_what_git_ignores_is_not_looked_at(repository: Path) -> None:
    (repository / ".gitignore").write_text("local/\n", encoding="utf-8")
    assert faults(repository, "local/notes.txt", "/wo" + "rk/main") == []
