"""Limits on attempts at what can be guessed: signing in, and looking an order up.

They hold over all processes of a centre. Every count ends by itself within the hour, and an address
has room for a whole office behind it. Whoever guesses at somebody's account from outside stops
other strangers, for minutes; a browser that signed in before has counts of its own.
"""

import hashlib
import ipaddress
import itertools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import asyncpg

from menpiao.storage.database import attempts
from menpiao.storage.database.attempts import Counted

_FORGET_EVERY = 256


class AttemptService:
    """Counts attempts in the data store."""

    def __init__(self, pool: asyncpg.Pool, key: bytes, clock: Callable[[], datetime]) -> None:
        """Stand on the data store; ``key`` hides whom the counts are about."""
        self._pool = pool
        self._key = key
        self._clock = clock
        self._taken = itertools.count(1)

    def sign_in(self, name: str, address: str, known: str) -> list[Counted]:
        """What an attempt to sign in counts against; ``known`` names a browser that did before."""
        person, place = name.strip().casefold(), place_of(address)
        if known:
            return [self._counted("sign_in.browser", 10, 300, person, known)]
        return [
            self._counted("sign_in.here", 6, 300, person, place),
            self._counted("sign_in.account", 60, 900, person),
            self._counted("sign_in.address", 100, 900, place),
        ]

    def look_up(self, order_no: str, address: str) -> list[Counted]:
        """What an attempt to look an order up counts against."""
        order = "".join(c for c in order_no if c.isalnum())
        place = place_of(address)
        return [
            self._counted("look_up.here", 5, 900, order, place),
            self._counted("look_up.order", 20, 3600, order),
            self._counted("look_up.address", 100, 900, place),
        ]

    def secret(self, address: str) -> list[Counted]:
        """What a wrong secret of an order counts against."""
        return [self._counted("secret.address", 100, 900, place_of(address))]

    async def begin(self, counted: Sequence[Counted]) -> float:
        """Count an attempt before it is made; 0, or for how many seconds it may not be made."""
        now = self._clock()
        if next(self._taken) % _FORGET_EVERY == 0:
            await attempts.forget(self._pool, now - timedelta(hours=1))
        return await attempts.take(self._pool, counted, now)

    async def succeeded(self, counted: Sequence[Counted]) -> None:
        """It was the right one: it counts nowhere, and there is nothing left of it here."""
        await attempts.give_back(self._pool, counted[:1], wholly=True)
        await attempts.give_back(self._pool, counted[1:])

    def _counted(self, scope: str, most: int, window_s: int, *about: str) -> Counted:
        text = "\0".join((scope, *about)).encode()
        key = hashlib.blake2b(text, key=self._key, digest_size=16).digest()
        return Counted(scope, key, most, window_s)


def place_of(address: str) -> str:
    """Where an address is: itself, or the network of 64 bits that one subscriber has in IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:45]
    if found.version == 4:
        return str(found)
    mapped = found.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
