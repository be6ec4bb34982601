"""The description tried on the real centre, with data that fits it and data that does not.

schemathesis reads /openapi.json of the running servers and sends thousands of requests. Its checks:
no 5xx, only documented statuses and content types, answers as described, unfit data refused, and
protected doors closed without proof. Then the data store is counted: what was refused left nothing.
"""

import base64
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.support_pages import served_park

from menpiao.centre.statistics.service import make_ticket
from menpiao.storage.keys import load_keys
from menpiao.wire.check import proof_text

HOOKS = Path(__file__).with_name("openapi_hooks.py")
CONFIG = """
[auth.openapi.device]
bearer = "{token}"
[auth.openapi.look]
api_key = "{look}"
# What fits the description may still be refused by a rule of the sale or of the lane.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 422, 426, 429]
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 413, 415, 422, 426, 429]
[checks.missing_required_header]
expected-statuses = [401, 403, 422, 429]
"""
EXAMPLES = "12"
SEED = "20261001"
# A stream ends with its pass, minutes later; each has its own tests.
ENDLESS = ("--exclude-path", "/statistics/v1/stream", "--exclude-path", "/check/v1/board")


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def centre():
    with served_park("check", "booking", "commerce", "statistics") as served:
        yield served


def enrolled(served):
    """A device of the demo park's first gate, and its session token."""
    folder = served.database.settings.data_dir
    environment = os.environ | {
        "MENPIAO_DATABASE_URL": served.database.url,
        "MENPIAO_DATA_DIR": str(folder),
    }
    with psycopg.connect(served.database.url) as connection:
        (gate,) = connection.execute("SELECT name FROM gate ORDER BY id LIMIT 1").fetchone()
    command = [sys.executable, "-m", "menpiao", "park", "--enrol", gate]
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    code = re.search(r"for an hour: (\S+)", told.stdout)[1]
    key = Ed25519PrivateKey.generate()
    with httpx.Client(base_url=f"{served.address}/check/v1") as client:
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        device = client.post("/devices", json={"code": code, "public_key": b64(raw)}).json()
        challenge = client.post("/challenges").json()["challenge"]
        proof = {
            "type": "proof",
            "device_id": device["device_id"],
            "challenge": challenge,
            "signature": b64(key.sign(proof_text(device["device_id"], challenge))),
        }
        return device, client.post("/sessions", json=proof).json()["token"]


def rows(served):
    """How many rows every table holds, those of passing work left out."""
    with psycopg.connect(served.database.url) as connection:
        names = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = 'public'"
            " ORDER BY 1"
        ).fetchall()
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for (name,) in names
        }


def tried(served, folder, *options):
    """A run of schemathesis with a device's token and a pass; (what it said, whether all held)."""
    device, token = enrolled(served)
    with psycopg.connect(served.database.url) as connection:
        asked = "SELECT product_id, id, site_id FROM slot ORDER BY starts_at DESC, id LIMIT 1"
        product, slot, site = connection.execute(asked).fetchone()
    look = make_ticket(
        load_keys(served.database.settings.key_file).get("live_figures"), site, datetime.now(UTC)
    )
    config = folder / "run.toml"
    config.write_text(CONFIG.format(token=token, look=look))
    real = {"gate_id": device["gates"][0]["id"], "product_id": product, "slot_id": slot}
    before = rows(served)
    command = [
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
        *("--config-file", str(config), "run", f"{served.address}/openapi.json", "--seed", SEED),
        *("--checks", "all", *ENDLESS, "--continue-on-failure", "--no-color"),
        *("--max-examples", EXAMPLES, "--request-timeout", "10", "--suppress-health-check", "all"),
        *options,
    ]
    environment = os.environ | {
        "MENPIAO_REAL_IDS": json.dumps(real),
        "SCHEMATHESIS_HOOKS": HOOKS.stem,
        "PYTHONPATH": str(HOOKS.parent),
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    after = rows(served)
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert served_well(served), "the centre is not well after the run"
    return done, grown


def served_well(served):
    return httpx.get(f"{served.address}/readyz").status_code == httpx.codes.OK


def every_door_was_tried(said):
    selected = re.search(r"Selected: (\d+)/", said)[1]
    return int(selected) > 10 and f"Tested: {selected}" in said


def test_unfit_data_is_refused_and_leaves_nothing(centre, tmp_path):
    done, grown = tried(centre, tmp_path, "--mode", "negative", "--phases", "coverage,fuzzing")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert every_door_was_tried(done.stdout), done.stdout
    # Wrong secrets are counted, and that is all.
    assert set(grown) <= {"attempt"}, grown


def test_fitting_data_is_answered_as_described(centre, tmp_path):
    done, grown = tried(centre, tmp_path, "--mode", "positive")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert every_door_was_tried(done.stdout), done.stdout
    # Strangers are refused, lanes report passages, wrong secrets are counted;
    # nobody buys with a number that is none.
    assert set(grown) <= {"admission", "passage", "attempt", "id_block"}, grown
