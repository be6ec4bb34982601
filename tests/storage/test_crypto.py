"""The indexes over documents are keyed hashes that anybody with the key can make again."""

import hashlib
import hmac
from datetime import date

import pytest
from tests.support_db import person

from menpiao.domain.document import DocumentType, parse_document
from menpiao.domain.identity import day_hash
from menpiao.storage.crypto import Vault, keyed_hash
from menpiao.storage.keys import load_keys

DAY = date(2026, 10, 1)
DOCUMENT = parse_document(DocumentType.RESIDENT, person(1), DAY)


@pytest.fixture
def keys(tmp_path):
    return load_keys(tmp_path / "keys.json")


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200])
def test_a_keyed_hash_is_hmac_sha256_time_and_again(length):
    key, text = b"k" * max(1, length), b"t" * length
    made = keyed_hash(key)
    assert {made(text) for _ in range(3)} == {hmac.digest(key, text, hashlib.sha256)}


def test_centre_and_lane_find_a_holder_under_the_same_hash_on_many_days(keys):
    vault = Vault(keys)
    days = [DAY.replace(month=1 + n // 28, day=1 + n % 28) for n in range(200)]
    for site_id, day in [*((1, day) for day in days), (2, DAY), (1, DAY)]:
        made = vault.day_hash(site_id, day, DOCUMENT)
        assert made == day_hash(vault.day_key(site_id, day), DOCUMENT)


def test_another_installation_has_other_hashes(keys, tmp_path):
    vault, other = Vault(keys), Vault(load_keys(tmp_path / "others.json"))
    assert vault.holder_hash(DOCUMENT) == Vault(keys).holder_hash(DOCUMENT)
    assert vault.holder_hash(DOCUMENT) != other.holder_hash(DOCUMENT)
    assert vault.day_hash(1, DAY, DOCUMENT) != vault.day_hash(2, DAY, DOCUMENT)
    assert vault.holder_hash(DOCUMENT) != vault.phone_hash(DOCUMENT.number)
