"""People of the house at a lane: a badge and a PIN, and how often somebody may guess."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from menpiao.domain.pin import NOBODYS, pin_fits
from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.database.catalogue import Snapshot, StaffMember
from menpiao.wire.check import StaffProof

SUPERVISORS: Final = frozenset({"supervisor", "manager"})
TRIES: Final = 5
PAUSE: Final = timedelta(minutes=1)


@dataclass(slots=True)
class _Failures:
    count: int
    last: datetime


class Guards:
    """Verifies proofs of staff. Guesses are counted by badge and device in this process."""

    def __init__(self) -> None:
        self._failures: dict[tuple[int, str, int], _Failures] = {}

    async def verify(
        self, proof: StaffProof, site_id: int, device_id: int, snapshot: Snapshot, now: datetime
    ) -> StaffMember | Refusal:
        """The person of this badge and PIN, or why not. Five wrong PINs: a minute's pause.

        The detail of a refusal for a wrong one is how many tries are left. The pause is the
        badge's at that one device: nobody can lock a colleague out elsewhere.
        """
        key = (site_id, proof.badge, device_id)
        failed = self._failures.get(key)
        if failed and failed.count >= TRIES and now - failed.last < PAUSE:
            return Refusal(Reason.RATE_LIMITED, "too many wrong PINs: wait a minute", "staff.pin")
        count = failed.count + 1 if failed and now - failed.last < PAUSE else 1
        # Counted before it is tried: many at once do not buy more guesses.
        self._failures[key] = _Failures(count, now)
        person = snapshot.staff.get((site_id, proof.badge))
        # An unknown badge costs the same time as a wrong PIN.
        kept = person.pin_hash if person else NOBODYS
        right = await asyncio.to_thread(pin_fits, proof.pin, kept)
        if person is None or not right:
            return Refusal(Reason.NOT_PERMITTED, str(TRIES - count), "staff.pin")
        self._failures.pop(key, None)
        return person
