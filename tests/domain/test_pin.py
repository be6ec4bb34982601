"""PINs: only a salted hash is kept, and it tells one PIN from all others."""

import pytest

from menpiao.domain.pin import NOBODYS, SALT_OCTETS, hash_pin, pin_fits

ONE, OTHER = bytes(SALT_OCTETS), bytes(range(SALT_OCTETS))


def test_only_a_salted_hash_is_kept() -> None:
    first, second = hash_pin("314159", ONE), hash_pin("314159", OTHER)
    assert first != second
    assert "314159" not in first
    for kept in (first, second):
        assert pin_fits("314159", kept)
        assert not pin_fits("314158", kept)
        assert not pin_fits("", kept)


def test_a_hash_kept_by_an_earlier_version_still_fits() -> None:
    kept = "scrypt1$AAAAAAAAAAAAAAAAAAAAAA==$N2IsOV3AGZat0kW+mpCAvdbkUeKpGk+3vA9NFiV4gwQ="
    assert hash_pin("314159", ONE) == kept
    assert pin_fits("314159", kept)


@pytest.mark.parametrize("kept", ["", "plain$314159", "314159", NOBODYS])
def test_what_is_no_hash_fits_nothing(kept: str) -> None:
    assert not pin_fits("314159", kept)
