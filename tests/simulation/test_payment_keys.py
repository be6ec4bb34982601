"""A simulated merchant's keys: made once, private, and the same for both sides."""

import stat

from menpiao.settings import Wechat
from menpiao.simulation.payment import make_merchant
from menpiao.simulation.payment.keys import load_platform


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path):
    folder = tmp_path / "merchant"
    first = make_merchant(folder, base_url="http://127.0.0.1:1", notify_url="http://127.0.0.1/n")
    assert isinstance(first, Wechat)
    again = make_merchant(folder, base_url="http://127.0.0.1:1", notify_url="http://127.0.0.1/n")
    assert again == first
    assert len(first.apiv3_key.encode()) == 32
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    keys = load_platform(folder)
    assert keys.account.mchid == first.mchid
    assert first.platform_key_id in keys.platform
    assert keys.certificate_serial in keys.platform


def test_two_merchants_share_nothing(tmp_path):
    one, two = make_merchant(tmp_path / "1"), make_merchant(tmp_path / "2")
    assert one.apiv3_key != two.apiv3_key
    assert one.merchant_serial != two.merchant_serial
    assert one.platform_key_id != two.platform_key_id
