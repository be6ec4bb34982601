"""The domain has no clock: lint refuses `now` and `today` there, and there alone."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLANTS = [
    "import datetime\n\nx = datetime.datetime.now(datetime.UTC)\n",
    "from datetime import date\n\nx = date.today()\n",
    "from datetime import datetime as d\n\nx = d.utcnow()\n",
]


def banned(text: str, name: str) -> bool:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251"]
    done = subprocess.run(
        [*command, "--stdin-filename", name, "-"],
        input=text,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return "TID251" in done.stdout


@pytest.mark.parametrize("text", PLANTS)
def test_the_domain_may_not_read_the_clock(text: str) -> None:
    assert banned(text, "src/menpiao/domain/planted.py")


@pytest.mark.parametrize("text", PLANTS)
def test_a_server_may(text: str) -> None:
    assert not banned(text, "src/menpiao/centre/check/planted.py")
