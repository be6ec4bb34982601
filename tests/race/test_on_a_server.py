"""Storage and races once more on a PostgreSQL 15 of the machine, met by URL as a site's own is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support_postgres import cluster

ROOT = Path(__file__).parents[2]
ON_BOTH = [
    "tests/race/test_oversell.py",
    "tests/storage/database/test_combine_cut.py",
    "tests/storage/database/test_schema.py",
]


@pytest.mark.needs("postgres")
def test_storage_and_races_hold_on_postgresql_15():
    with cluster() as server:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *ON_BOTH]
        done = subprocess.run(
            command,
            env=os.environ | {"TEST_DATABASE_URL": server.url},
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 25
    assert "skipped" not in done.stdout
