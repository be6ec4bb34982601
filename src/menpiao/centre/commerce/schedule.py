"""When to ask a provider again: fixed moments after the beginning, whatever else has told us."""

from datetime import datetime, timedelta

PAYMENT_S = (5, 15, 30, 60, 180, 600)
"""Seconds after creation at which an open payment is queried; then at its expiry."""
REFUND_S = (60, 600, 3600)
"""Seconds after creation at which a refund is queried; then once a day."""
_DAY_S = 86400
_BACKOFF_S = (1, 2, 5, 10, 30, 60)


def next_payment_query(created_at: datetime, expires_at: datetime, now: datetime) -> datetime:
    """The next moment to query an open payment; its expiry when nothing is left before it."""
    for seconds in PAYMENT_S:
        moment = created_at + timedelta(seconds=seconds)
        if now < moment < expires_at:
            return moment
    return expires_at


def next_refund_query(created_at: datetime, now: datetime) -> datetime:
    """The next moment to query a refund that is on its way."""
    for seconds in REFUND_S:
        moment = created_at + timedelta(seconds=seconds)
        if now < moment:
            return moment
    return now + timedelta(seconds=_DAY_S)


def retry_at(attempts: int, now: datetime, *, least_s: float = 0.0) -> datetime:
    """When to send something again after ``attempts`` tries of unknown outcome."""
    wait_s = _BACKOFF_S[min(max(attempts, 1), len(_BACKOFF_S)) - 1]
    return now + timedelta(seconds=max(wait_s, least_s))
