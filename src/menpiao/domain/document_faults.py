"""Why a typed document number is refused, and what about an accepted one deserves a look."""

from dataclasses import dataclass
from enum import StrEnum


class DocumentFault(StrEnum):
    """A hard failure. Codes are published: never renamed."""

    EMPTY = "empty"
    LENGTH = "length"
    CHARACTERS = "characters"
    CHECK_DIGIT = "check_digit"
    DATE = "date"
    PREFIX = "prefix"
    TYPE_UNKNOWN = "type_unknown"
    EXPIRED = "expired"


class DocumentWarning(StrEnum):
    """A finding that never blocks by itself. Codes are published: never renamed."""

    REGION_UNKNOWN = "region_unknown"
    COUNTRY_UNKNOWN = "country_unknown"
    FIRST_GENERATION = "first_generation"
    TYPE_CORRECTED = "type_corrected"
    PATTERN_UNMATCHED = "pattern_unmatched"
    CARD_EXPIRED = "card_expired"
    SEX_DIFFERS = "sex_differs"
    BIRTH_DIFFERS = "birth_differs"
    NAME_DIFFERS = "name_differs"


@dataclass(frozen=True, slots=True)
class FindingText:
    """The text of a fault or warning in both languages; no part of a number is ever in it."""

    zh: str
    en: str


FAULT_TEXTS: dict[DocumentFault, FindingText] = {
    DocumentFault.EMPTY: FindingText("请输入证件号码", "Enter the document number"),
    DocumentFault.LENGTH: FindingText(
        "证件号码位数不对", "The number has too few or too many characters"
    ),
    DocumentFault.CHARACTERS: FindingText(
        "证件号码含有不允许的字符", "The number has a character that cannot be in it"
    ),
    DocumentFault.CHECK_DIGIT: FindingText(
        "证件号码有误，请逐位核对", "The number has a typing error; please compare each digit"
    ),
    DocumentFault.DATE: FindingText(
        "证件号码中的出生日期不存在", "The birth date in the number does not exist"
    ),
    DocumentFault.PREFIX: FindingText(
        "证件号码开头的地区不存在", "The number does not begin with a province"
    ),
    DocumentFault.TYPE_UNKNOWN: FindingText("请选择证件类型", "Choose the kind of document"),
    DocumentFault.EXPIRED: FindingText("证件已过有效期", "The document has expired"),
}

WARNING_TEXTS: dict[DocumentWarning, FindingText] = {
    DocumentWarning.REGION_UNKNOWN: FindingText(
        "地区代码不在表中，可继续", "Region code not in our table; you may go on"
    ),
    DocumentWarning.COUNTRY_UNKNOWN: FindingText(
        "国家代码不在表中，可继续", "Country code not in our table; you may go on"
    ),
    DocumentWarning.FIRST_GENERATION: FindingText(
        "第一代身份证号码，仅用于查找订单", "First-generation number: only to find an order"
    ),
    DocumentWarning.TYPE_CORRECTED: FindingText(
        "证件类型已按号码更正", "Kind of document corrected to fit the number"
    ),
    DocumentWarning.PATTERN_UNMATCHED: FindingText(
        "号码格式不常见，请人工核对", "Unusual number: please compare it with the document"
    ),
    DocumentWarning.CARD_EXPIRED: FindingText("证件已过有效期", "The card has expired"),
    DocumentWarning.SEX_DIFFERS: FindingText(
        "证件性别与号码不一致", "Sex on the card and in the number differ"
    ),
    DocumentWarning.BIRTH_DIFFERS: FindingText(
        "证件出生日期与号码不一致", "Birth date on the card and in the number differ"
    ),
    DocumentWarning.NAME_DIFFERS: FindingText(
        "证件姓名与预订姓名不一致", "Name on the card and in the booking differ"
    ),
}


@dataclass(frozen=True, slots=True)
class DocumentRefusal:
    """The number cannot be used; a value, never an exception."""

    fault: DocumentFault

    @property
    def text(self) -> FindingText:
        """What to tell the person who typed it."""
        return FAULT_TEXTS[self.fault]
