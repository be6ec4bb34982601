"""Who is the same person: the text under the identity key, and names.

The key itself is a keyed hash (made in storage): the space of valid numbers is so small that a
plain hash of this text would be as good as the number.
"""

import hashlib
import hmac
import unicodedata
from typing import Final

from menpiao.domain.document_types import Document, DocumentType

# The 18-character documents share one number space, so that a card found under a neighbouring
# type is still the same person's. All others are spaces of their own.
_CLASSES: Final[dict[DocumentType, str]] = {kind: kind.value for kind in DocumentType} | {
    DocumentType.RESIDENT: "cn18",
    DocumentType.HMT_PERMIT: "cn18",
    DocumentType.FOREIGNER_CARD: "cn18",
}


def identity_text(document: Document) -> str:
    """The canonical ``class:number`` that the identity hash is computed over; never stored.

    A first-generation number and its 18-character form give the same text, and so does a travel
    permit before and after renewal. A foreigner's old and new numbers differ; link them in a table.
    """
    return f"{_CLASSES[document.type]}:{document.number}"


def index_text(document: Document) -> bytes:
    """What is hashed, under one key or another, wherever a person is found by a document."""
    return b"id:v1:" + identity_text(document).encode()


DAY_HASH_OCTETS: Final = 16


def day_hash(key: bytes, document: Document) -> bytes:
    """The hash under which a lane without the centre finds a holder: keyed for one site and day.

    HMAC-SHA256 cut to 128 bits; the centre computes it at the sale, the lane from the card.
    """
    return hmac.digest(key, index_text(document), hashlib.sha256)[:DAY_HASH_OCTETS]


# Private-use code points of older GB 18030 fonts and the standard characters they stand for.
_PRIVATE_USE: Final = {0xE863: 0x4DAE}

_MIDDLE_DOT: Final = 0x00B7
_MIDDLE_DOTS: Final = (0x2022, 0x2027, 0x30FB, 0xFF0E)

_NAME_MAP: Final[dict[int, int]] = _PRIVATE_USE | dict.fromkeys(_MIDDLE_DOTS, _MIDDLE_DOT)


def normalise_name(name: str) -> str:
    """A name for comparing: standard code points, one kind of middle dot, single spaces, NFC.

    Not NFKC, which rewrites characters that their holders care about. For showing and printing
    keep the name as it was given.
    """
    return " ".join(unicodedata.normalize("NFC", name.translate(_NAME_MAP)).split())


def names_match(one: str, other: str) -> bool:
    """Whether two spellings are the same name; letter case and spaces do not matter.

    A difference is a hint to the clerk, never a refusal by itself.
    """
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return normalise_name(name).replace(" ", "").casefold()
