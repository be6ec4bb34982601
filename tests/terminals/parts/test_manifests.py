"""Every driver says what it can do and what was tried, and says the truth."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from menpiao.terminals.manifest import DriverManifest, Grade

ROOT = Path(__file__).resolve().parents[3]
PARTS = ROOT / "src/menpiao/terminals/parts"
FOLDERS = sorted(path.parent.name for path in PARTS.glob("*/manifest.py"))
TRANSPORTS = {"serial", "tcp_connect", "tcp_listen", "usb", "keyboard", "file", "process", "none"}


def of(folder: str) -> tuple[DriverManifest, ...]:
    return importlib.import_module(f"menpiao.terminals.parts.{folder}.manifest").MANIFESTS


ALL = [(folder, one) for folder in FOLDERS for one in of(folder)]


def named(entry: str) -> object:
    module, _, name = entry.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(("folder", "one"), ALL, ids=[one.driver for _, one in ALL])
def test_a_driver_is_what_it_says(folder: str, one: DriverManifest) -> None:
    assert one.entry.startswith(f"menpiao.terminals.parts.{folder}.")
    assert callable(named(one.entry))
    assert not one.twin or callable(named(one.twin))
    assert one.title_zh
    assert one.title_en.isascii()
    assert one.transports
    assert set(one.transports) <= TRANSPORTS
    assert one.trials
    for trial in one.trials:
        assert (ROOT / "tests" / trial.test).is_file(), trial.test
    assert {trial.grade for trial in one.trials} - {Grade.DOCUMENTED}, "tried against something"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not one.extra or one.extra in extras["optional-dependencies"]


def test_no_name_is_used_twice() -> None:
    names = [(folder, one.driver) for folder, one in ALL]
    assert len(names) == len(set(names))


def test_nothing_is_claimed_that_nobody_has_seen() -> None:
    assert not [one.driver for _, one in ALL if one.tried_on_hardware]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_driver_is_in_the_documents(folder: str) -> None:
    page = (ROOT / "docs/hardware.md").read_text(encoding="utf-8")
    missing = [one.driver for one in of(folder) if f"`{one.driver}`" not in page]
    assert not missing


def test_a_lane_starts_without_the_optional_libraries() -> None:
    code = (
        "import sys; sys.modules.update(pymodbus=None, usb=None); import menpiao.compose.terminal; "
        "import menpiao.terminals.parts.barrier.driver, menpiao.simulation.barrier"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
