"""The identity documents a visitor may show, and what a parsed one is."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from menpiao.domain.document_faults import DocumentWarning


class DocumentType(StrEnum):
    """Codes are stored and published: never renamed, never given a new meaning."""

    RESIDENT = "resident_card"
    HMT_PERMIT = "hmt_residence_permit"
    FOREIGNER_CARD = "foreigner_permanent_card"
    FOREIGNER_CARD_OLD = "foreigner_permanent_card_old"
    HM_TRAVEL = "hm_travel_permit"
    TW_TRAVEL = "tw_travel_permit"
    HM_EXIT = "hm_exit_permit"
    TW_EXIT = "tw_exit_permit"
    PASSPORT_CN = "passport_cn"
    PASSPORT_FOREIGN = "passport_foreign"
    NETWORK_ID = "network_identity"

    @property
    def label(self) -> "Label":
        """The name of the document for people."""
        return TYPE_LABELS[self]


@dataclass(frozen=True, slots=True)
class Label:
    """A text for people in both languages."""

    zh: str
    en: str


TYPE_LABELS: dict[DocumentType, Label] = {
    DocumentType.RESIDENT: Label("居民身份证", "Resident ID card"),
    DocumentType.HMT_PERMIT: Label(
        "港澳台居民居住证", "Residence permit for Hong Kong, Macao and Taiwan residents"
    ),
    DocumentType.FOREIGNER_CARD: Label(
        "外国人永久居留身份证", "Foreign permanent resident ID card"
    ),
    DocumentType.FOREIGNER_CARD_OLD: Label(
        "外国人永久居留身份证（15位）", "Foreign permanent resident ID card (15 characters)"
    ),
    DocumentType.HM_TRAVEL: Label(
        "港澳居民来往内地通行证", "Mainland travel permit for Hong Kong and Macao residents"
    ),
    DocumentType.TW_TRAVEL: Label(
        "台湾居民来往大陆通行证", "Mainland travel permit for Taiwan residents"
    ),
    DocumentType.HM_EXIT: Label("往来港澳通行证", "Exit permit to Hong Kong and Macao"),
    DocumentType.TW_EXIT: Label("往来台湾通行证", "Exit permit to Taiwan"),
    DocumentType.PASSPORT_CN: Label("中国护照", "Chinese passport"),
    DocumentType.PASSPORT_FOREIGN: Label("外国护照", "Foreign passport"),
    DocumentType.NETWORK_ID: Label("网络身份认证凭证", "National network identity"),
}


class Sex(StrEnum):
    """As written on the document."""

    MALE = "male"
    FEMALE = "female"

    @property
    def label(self) -> Label:
        """The word for people."""
        return SEX_LABELS[self]


SEX_LABELS: dict[Sex, Label] = {
    Sex.MALE: Label("男", "Male"),
    Sex.FEMALE: Label("女", "Female"),
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document whose number has been checked as far as its type allows.

    ``number`` is normalised and is the part that stays for life: 18 characters for a resident
    card (also when the first-generation number was given), without the renewal count of a travel
    permit. ``renewal`` is that count as printed. ``warnings`` are hints to the clerk.
    """

    type: DocumentType
    number: str
    renewal: str | None = None
    warnings: tuple[DocumentWarning, ...] = ()

    def __repr__(self) -> str:
        """Without the number: representations end in logs and error pages."""
        return f"<Document {self.type}>"

    @property
    def needs_confirmation(self) -> bool:
        """True when a person should compare the number with the paper before it is relied on."""
        return DocumentWarning.PATTERN_UNMATCHED in self.warnings


EARLIEST_BIRTH = date(1900, 1, 1)
"""A birth date before this day is a typing error."""
