"""The key file: complete after every start, and never replaced while something hangs on it."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support_db import FreshDatabase, person, plant_park, run

from menpiao.storage.keys import PURPOSES, KeyFileError, load_keys


def keys_in(path):
    return json.loads(path.read_text())["keys"]


def without(path, *purposes):
    kept = {name: key for name, key in keys_in(path).items() if name not in purposes}
    path.write_text(json.dumps({"version": 1, "keys": kept}))


@pytest.fixture
def path(tmp_path):
    load_keys(tmp_path / "keys.json")
    return tmp_path / "keys.json"


@pytest.mark.parametrize(
    "missing", [["live_figures"], ["device_tokens", "order_links", "live_figures", "django"]]
)
def test_a_file_older_than_a_purpose_gets_a_key_for_it_and_keeps_the_others(path, missing):
    before = keys_in(path)
    without(path, *missing)
    keys = load_keys(path)
    after = keys_in(path)
    assert set(after) == set(PURPOSES)
    for name, key in before.items():
        assert (after[name] == key) == (name not in missing), name
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_keys(path).values == keys.values


def test_processes_that_start_together_add_the_same_key(path):
    without(path, "live_figures", "django")
    script = (
        "import sys; from pathlib import Path; from menpiao.storage.keys import load_keys;"
        "keys = load_keys(Path(sys.argv[1])); print(keys.text('live_figures'), keys.text('django'))"
    )

    def start(_):
        return subprocess.run(
            [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
        ).stdout

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(start, range(6)))) == 1


@pytest.mark.parametrize("lost", ["identity_index", "personal_data"])
def test_the_keys_to_what_is_kept_are_never_made_anew(path, lost):
    without(path, lost, "live_figures")
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match=f"no key for {lost}: restore it from its backup"):
        load_keys(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": {"django": "AAAA"}}', '{"keys": 1}'])
def test_a_damaged_file_is_left_as_it_is(path, text):
    path.write_text(text)
    with pytest.raises(KeyFileError, match="restore it from its backup"):
        load_keys(path)
    assert path.read_text() == text


# --- the same through the command, with data ---


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


def menpiao(database, *arguments):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MENPIAO_")}
    environment |= {
        "MENPIAO_DATABASE_URL": database.url,
        "MENPIAO_DATA_DIR": str(database.settings.data_dir),
    }
    return subprocess.run(
        [sys.executable, "-m", "menpiao", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_data_folder_from_before_a_key_starts(database):
    assert menpiao(database, "park", "--demo").returncode == 0
    without(database.settings.key_file, "live_figures")
    done = menpiao(database, "park")
    assert done.returncode == 0, done.stderr
    assert "live_figures" in keys_in(database.settings.key_file)


def test_a_lost_file_does_not_start_a_second_set_of_keys(database):
    assert menpiao(database, "park", "--demo").returncode == 0
    kept = database.settings.key_file.read_bytes()
    database.settings.key_file.unlink()
    for command in (["park"], ["serve", "check"], ["work"]):
        done = menpiao(database, *command)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "restore the key file from its backup" in done.stderr
        assert "Traceback" not in done.stderr
    database.settings.key_file.write_bytes(kept)
    assert menpiao(database, "park").returncode == 0


@pytest.mark.parametrize("purpose", ["identity_index", "personal_data"])
def test_data_from_before_the_marks_is_tried_with_the_keys(database, purpose):
    async def sell():
        from menpiao.centre.selling.service import Purchase
        from menpiao.domain.booking import SaleRequest, Visitor
        from menpiao.domain.document import DocumentType, parse_document
        from menpiao.domain.reasons import Refusal

        async with database.centre() as centre:
            park = await plant_park(centre.pool)
            document = parse_document(DocumentType("resident_card"), person(1), park.today)
            sale = SaleRequest(
                park.product, park.slots[0], (Visitor(document, "李样例", 1),), "13800000000"
            )
            sold = await centre.selling.sell(Purchase(park.site, "token-of-one", "web", sale))
            assert not isinstance(sold, Refusal), sold
            await centre.pool.execute("DELETE FROM key_mark")

    run(sell())
    assert menpiao(database, "park").returncode == 0, "its own keys fit, and are marked now"
    other = database.settings.data_dir / "other.json"
    load_keys(other)
    mixed = keys_in(database.settings.key_file) | {purpose: keys_in(other)[purpose]}
    database.settings.key_file.write_text(json.dumps({"version": 1, "keys": mixed}))

    async def forget():
        import asyncpg

        connection = await asyncpg.connect(database.url)
        await connection.execute("DELETE FROM key_mark")
        await connection.close()

    run(forget())
    done = menpiao(database, "park")
    assert done.returncode == 1
    assert "not the one that this database was written with" in done.stderr
