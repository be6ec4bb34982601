"""Notifications of WeChat Pay: verify the raw octets, open the sealed resource, say what happened.

Pure: no waiting, no calls, no log. Anybody on the internet can reach this.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from menpiao.centre.commerce.provider import Event, Notice, Rejection, RejectionCode
from menpiao.centre.commerce.wechat import answers
from menpiao.centre.commerce.wechat.resource import Resource, ResourceError, unseal
from menpiao.centre.commerce.wechat.sign import PlatformKeys
from menpiao.wire.unreadable import UNREADABLE


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    event_type: str
    resource: Resource


def parse(
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    keys: PlatformKeys,
    apiv3_key: bytes,
    mchid: str,
    appid: str,
) -> Notice | Rejection:
    """Read a notification addressed to this merchant; every doubt is a rejection."""
    rejected = keys.verify(headers, body, now)
    if rejected is not None:
        return rejected
    return opened(body, now, apiv3_key=apiv3_key, mchid=mchid, appid=appid)


def opened(
    body: bytes, now: datetime, *, apiv3_key: bytes, mchid: str, appid: str
) -> Notice | Rejection:
    """What a notification says whose octets are proved to be the platform's."""
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
        if not envelope.event_type.startswith(("TRANSACTION.", "REFUND.")):
            return Notice(notice_id=envelope.id, kind=envelope.event_type, event=None)
        text = unseal(envelope.resource, apiv3_key)
        event = _event(envelope, text, now, mchid=mchid, appid=appid)
    except ResourceError as error:
        return Rejection(RejectionCode.UNDECIPHERABLE, str(error))
    except UNREADABLE:
        return Rejection(RejectionCode.MALFORMED)
    if isinstance(event, Rejection):
        return event
    return Notice(notice_id=envelope.id, kind=envelope.event_type, event=event)


def _event(
    envelope: _Envelope, text: bytes, now: datetime, *, mchid: str, appid: str
) -> Event | Rejection | None:
    if envelope.event_type.startswith("REFUND."):
        told = msgspec.json.decode(text, type=answers.Refund)
        if told.mchid != mchid:
            return Rejection(RejectionCode.FOREIGN, "mchid")
        return answers.refund(told, now=now, event_id=envelope.id).event
    paid = msgspec.json.decode(text, type=answers.Transaction)
    if paid.mchid != mchid or paid.appid != appid:
        return Rejection(RejectionCode.FOREIGN, "mchid or appid")
    return answers.trade(paid, now=now, event_id=envelope.id).event
