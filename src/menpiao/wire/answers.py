"""An outcome of the decision as the answer that a lane gets."""

from menpiao.domain.admission import Admit, Refuse
from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.domain.ticket import Ticket, TicketState, serial_number
from menpiao.wire.check import Answer

# What a repeat of the ask can bring to be admitted after all; a supervisor can do the rest.
_MISSING = {Reason.CONCESSION_CHECK: "evidence"}
_HELPLESS = frozenset({Reason.DOCUMENT_INVALID, Reason.CODE_INVALID, Reason.NO_TICKET})


def answer_of(nonce: str, outcome: Admit | Refuse) -> Answer:
    """Everything a lane shows, says and prints of an outcome."""
    words, ticket, gate = WORDINGS[outcome.reason], outcome.ticket, outcome.gate
    admit = outcome if isinstance(outcome, Admit) else None
    refuse = outcome if isinstance(outcome, Refuse) else None
    notice = WORDINGS[admit.notice] if admit and admit.notice else None
    asked = refuse is not None and refuse.reason is Reason.CONCESSION_CHECK
    return Answer(
        nonce=nonce,
        admitted=admit is not None,
        reason=outcome.reason.value,
        status=status_of(ticket) if ticket else "",
        people=admit.people if admit else 0,
        count=ticket.people if ticket else 0,
        remaining=ticket.remaining if ticket else 0,
        ticket_no=serial_number(ticket.id) if ticket else "",
        at=outcome.at,
        place=gate.name,
        place_en=gate.name_en,
        zh=words.zh,
        en=words.en,
        zh_next=words.zh_next,
        en_next=words.en_next,
        voice=words.voice,
        product=ticket.product_name if ticket else "",
        product_en=ticket.product_name_en if ticket else "",
        holder=ticket.holder_masked if ticket else "",
        since=refuse.since if refuse else None,
        since_place=refuse.place if refuse else "",
        direction=gate.direction.value,
        utc_offset_s=gate.utc_offset_s,
        notice=admit.notice.value if admit and admit.notice else "",
        notice_zh=notice.zh if notice else "",
        notice_en=notice.en if notice else "",
        missing=_missing(refuse.reason) if refuse else "",
        evidence=ticket.evidence if ticket and asked else "",
        evidence_en=ticket.evidence_en if ticket and asked else "",
        difference_fen=ticket.difference_fen if ticket and asked else 0,
    )


def _missing(reason: Reason) -> str:
    return "" if reason in _HELPLESS else _MISSING.get(reason, "supervisor")


def status_of(ticket: Ticket) -> str:
    """The patent's ticket status; a valid ticket that nobody is left on is used."""
    if ticket.state is TicketState.VALID and ticket.used == ticket.people:
        return "used"
    return ticket.state.value
