"""The import contracts hold, and each of them can fail: one planted violation breaks exactly it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
}

# contract that must break, file of the planted import, what is planted
PLANTS = [
    ("layers", "wire/planted.py", "import menpiao.edge"),
    ("layers", "storage/planted.py", "import menpiao.wire"),
    ("layers", "edge/planted.py", "import menpiao.compose"),
    ("layers", "simulation/planted.py", "import menpiao.bench"),
    ("layers", "terminals/planted.py", "import menpiao.centre.check"),
    ("layers", "stray/__init__.py", ""),
    ("pure", "domain/planted.py", "import time"),
    (
        "pure",
        "domain/planted.py",
        "def roll() -> int:\n    import random\n    return random.random()",
    ),
    ("pure", "domain/planted.py", "import msgspec"),
    ("pure", "domain/planted.py", "import menpiao.settings"),
    ("servers", "centre/check/planted.py", "import menpiao.centre.counter"),
    ("servers", "centre/console/planted.py", "from menpiao.centre import booking"),
    ("servers", "centre/selling/planted.py", "import menpiao.centre.commerce"),
    ("servers", "centre/stray/__init__.py", ""),
    ("doors", "centre/regulator/api.py", "import menpiao.centre.regulator.pages"),
    ("doors", "centre/regulator/service.py", "import menpiao.centre.regulator.api"),
    ("storage", "centre/check/planted.py", "import menpiao.storage.cache"),
    ("storage", "centre/regulator/api.py", "import menpiao.storage.cache"),
    ("storage", "simulation/planted.py", "import menpiao.storage.database"),
    ("parts", "terminals/parts/reader/planted.py", "import menpiao.terminals.parts.printer"),
    ("drivers", "terminals/gate/planted.py", "import menpiao.terminals.parts.barrier.serial_x"),
    ("drivers", "terminals/counter/planted.py", "import menpiao.terminals.planted"),
    ("light", "wire/planted.py", "import django"),
    ("light", "terminals/parts/link/planted.py", "import httpx"),
    ("acyclic", "wire/planted.py", "import menpiao.wire.planted_too"),
]

# What a planted import needs beside it, so that only the rule under test is broken.
COMPANIONS = {
    "import menpiao.settings": {"settings.py": "import pathlib"},
    "import menpiao.centre.regulator.pages": {"centre/regulator/pages.py": ""},
    "import menpiao.centre.regulator.api": {"centre/regulator/api.py": ""},
    "import menpiao.terminals.parts.barrier.serial_x": {"terminals/parts/barrier/serial_x.py": ""},
    "import menpiao.terminals.planted": {
        "terminals/planted.py": "import menpiao.terminals.parts.barrier.serial_x",
        "terminals/parts/barrier/serial_x.py": "",
    },
    "import menpiao.wire.planted_too": {"wire/planted_too.py": "import menpiao.wire.planted"},
}


def lint(folder: Path) -> tuple[set[str], str]:
    """Names of the contracts that break for the package in ``folder``, and what was printed."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    options = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", "--no-logo"]
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "200", "PYTHONPATH": str(folder), "PATH": ""},
    )
    said = done.stdout + done.stderr
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b.*$", said, re.MULTILINE))
    assert set(verdicts) == set(CONTRACTS.values()), said
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}, said


def skeleton(folder: Path) -> Path:
    """The package's own tree with every file empty: what is planted is then the only import."""
    source = ROOT / "src/menpiao"
    for path in source.rglob("*.py"):
        copy = folder / "menpiao" / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.touch()
    return folder / "menpiao"


def plant(package: Path, name: str, text: str) -> None:
    path = package / name
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(f"{kept}\n{text}\n", encoding="utf-8")


def test_the_package_keeps_every_contract() -> None:
    broken, said = lint(ROOT / "src")
    assert not broken, said


@pytest.mark.parametrize(
    ("contract", "name", "text"), PLANTS, ids=[f"{p[0]}-{p[1]}-{i}" for i, p in enumerate(PLANTS)]
)
def test_a_planted_violation_breaks_its_contract_and_no_other(
    tmp_path: Path, contract: str, name: str, text: str
) -> None:
    package = skeleton(tmp_path)
    for place, content in {name: text, **COMPANIONS.get(text, {})}.items():
        path = package / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n", encoding="utf-8")
    broken, said = lint(tmp_path)
    assert broken == {CONTRACTS[contract]}, said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("centre/check/service/rows.py", "import menpiao.storage.database"),
        ("centre/console/planted.py", "import menpiao.storage.database"),
        ("centre/selling/service.py", "import menpiao.storage.database"),
        ("terminals/gate/planted.py", "from menpiao.terminals.parts.reader import base"),
        ("centre/check/api.py", "import menpiao.centre.check.service"),
        ("domain/planted.py", "import datetime, dataclasses, enum, hashlib, hmac, re, zoneinfo"),
    ],
)
def test_what_is_allowed_breaks_nothing(tmp_path: Path, name: str, text: str) -> None:
    package = skeleton(tmp_path)
    for path in (package / name, package / "terminals/parts/reader/base.py"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (package / name).parent.joinpath("__init__.py").touch()
    (package / name).write_text(f"{text}\n", encoding="utf-8")
    broken, said = lint(tmp_path)
    assert not broken, said


def test_every_contract_has_a_planted_violation() -> None:
    assert {contract for contract, _, _ in PLANTS} == set(CONTRACTS)
