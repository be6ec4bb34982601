"""What the lane shows in each state, from answers and from the one table of reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Final

from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.terminals.parts.display.base import Signal, View
from menpiao.wire.check import Answer, Welcome

_MANUAL: Final = WORDINGS[Reason.MANUAL_LANE]
_NOTICE: Final = ("请看通知", "Please note")
_LARGE_MOST: Final = 8
_FIRST_ENTRY: Final = ("首次入园", "First entry")
_OPENS: Final = ("开始入园", "From")
_CLOSES: Final = ("截止入园", "Until")
# What the time of a refusal is the time of, where it is not that of the first entry.
_SINCE: Final[dict[str, tuple[str, str]]] = {
    Reason.NOT_YET: _OPENS,
    Reason.SLOT_EARLY: _OPENS,
    Reason.SLOT_LATE: _CLOSES,
    Reason.EXPIRED: _CLOSES,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where this lane is, as the centre names it; empty until it has said so."""

    site: str = ""
    site_en: str = ""
    gate: str = ""
    gate_en: str = ""
    direction: str = ""
    utc_offset_s: int | None = None


def place_of(welcome: Welcome, gate_id: int) -> Place:
    """The names of this lane."""
    site = Place(welcome.site, welcome.site_en, utc_offset_s=welcome.utc_offset_s)
    for gate in welcome.gates:
        if gate.id == gate_id:
            return replace(site, gate=gate.name, gate_en=gate.name_en, direction=gate.direction)
    return site


class Views:
    """Builds views for one lane."""

    def __init__(self) -> None:
        self.place = Place()
        self.link = ""

    def ready(self) -> View:
        """Lay your card."""
        return self._at(
            View(
                signal=Signal.READY,
                state="idle",
                zh="请刷身份证",
                en="Place your ID card",
                zh_next="平放至提示音",
                en_next="Hold it until the tone",
            )
        )

    def checking(self) -> View:
        """The centre has not answered yet."""
        return self._at(View(signal=Signal.WAIT, state="asking", zh="正在核验", en="Checking"))

    def answer(self, answer: Answer) -> View:
        """A decision of the centre."""
        since = answer.since
        since_zh, since_en = _SINCE.get(answer.reason, _FIRST_ENTRY) if since else ("", "")
        return self._at(
            View(
                signal=Signal.ADMIT if answer.admitted else Signal.REFUSE,
                state="showing_admit" if answer.admitted else "showing_refuse",
                zh=answer.zh,
                en=answer.en,
                zh_next=answer.zh_next,
                en_next=answer.en_next,
                voice=answer.voice,
                reason=answer.reason,
                holder=answer.holder,
                product=answer.product,
                product_en=answer.product_en,
                people=answer.people,
                remaining=answer.remaining,
                since=_moment(since, answer) if since is not None else "",
                since_place=answer.since_place,
                since_zh=since_zh,
                since_en=since_en,
            )
        )

    def refusal(self, reason: Reason, signal: Signal = Signal.REFUSE) -> View:
        """No decision: what the lane itself has to say."""
        words = WORDINGS[reason]
        return self._at(
            View(
                signal=signal,
                state="showing_refuse",
                zh=words.zh,
                en=words.en,
                zh_next=words.zh_next,
                en_next=words.en_next,
                voice=words.voice,
                reason=reason.value,
            )
        )

    def notice(self, state: str, text: str) -> View:
        """What the staff want to be read: large where it is short, as every answer is."""
        short = len(text) <= _LARGE_MOST
        return self._at(
            View(
                signal=Signal.READY,
                state=state,
                zh=text if short else _NOTICE[0],
                en="" if short else _NOTICE[1],
                zh_next="" if short else text,
            )
        )

    def tried(self) -> View:
        """A dry run: what it would be is for the staff to see, and nobody walks."""
        return self._at(
            View(
                signal=Signal.WAIT,
                state="showing_refuse",
                zh="试刷，请勿通行",
                en="Test only: do not walk",
                zh_next="结果见员工台",
                en_next="The staff panel has the result",
            )
        )

    def offline(self) -> View:
        """The lane stands, and the centre cannot be asked."""
        return replace(self.refusal(Reason.MANUAL_LANE, Signal.CAUTION), state="idle")

    def held_open(self) -> View:
        """Everybody walks: no card is needed."""
        view = self.refusal(Reason.WALK_THROUGH, Signal.ADMIT)
        return replace(view, state="held_open")

    def closed(self, state: str, cause: Reason | None = None) -> View:
        """The lane cannot be used; ``cause`` is for the staff who look at it."""
        words = WORDINGS[cause] if cause else None
        return self._at(
            View(
                signal=Signal.CAUTION,
                state=state,
                zh=words.zh if words else "暂停服务",
                en=words.en if words else "Out of service",
                zh_next=_MANUAL.zh,
                en_next=_MANUAL.en,
                voice=_MANUAL.voice,
            )
        )

    def _at(self, view: View) -> View:
        at = self.place
        return replace(
            view,
            site=at.site,
            site_en=at.site_en,
            gate=at.gate,
            gate_en=at.gate_en,
            direction=at.direction,
            utc_offset_s=at.utc_offset_s,
            link=self.link,
        )


def _moment(since: datetime, answer: Answer) -> str:
    """Time of day at the site, with the day when it is another one."""
    zone = timezone(timedelta(seconds=answer.utc_offset_s))
    local, today = since.astimezone(zone), answer.at.astimezone(zone).date()
    return local.strftime("%H:%M" if local.date() == today else "%m-%d %H:%M")
