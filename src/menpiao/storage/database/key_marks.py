"""The keys and the data belong together: marks in the database say with which keys it was written.

Without them a lost key file would be replaced by a fresh one at the next start, and everything
written from then on would be readable with other keys than everything before.
"""

import hmac
from collections.abc import Mapping

import asyncpg

from menpiao.domain.document import DocumentRefusal, DocumentType, parse_document
from menpiao.storage.crypto import OpenError, Vault
from menpiao.storage.database import orders

_INDEX, _DATA = "identity_index", "personal_data"
_PLACE = "key_mark.mark:personal_data"
_SAMPLE = """
SELECT id, holder_sealed, holder_hash, document_type, visit_date FROM ticket
WHERE holder_sealed IS NOT NULL LIMIT 1
"""


class KeysDoNotFitError(RuntimeError):
    """The key file is not the one that the data was written with; the message says what to do."""


async def hold_to(connection: asyncpg.Connection | asyncpg.Pool, vault: Vault) -> None:
    """Make sure that these keys are the data's own; the first start writes their marks.

    Raises:
        KeysDoNotFitError: they are not.
    """
    marks = await _marks(connection)
    if not {_INDEX, _DATA} <= marks.keys():
        if not await _opens_a_sample(connection, vault):
            raise _unfit(_DATA)
        fresh = ((_INDEX, vault.index_mark()), (_DATA, vault.seal("mark:v1", _PLACE)))
        await connection.executemany(
            "INSERT INTO key_mark (name, mark) VALUES ($1, $2) ON CONFLICT DO NOTHING", fresh
        )
        marks = await _marks(connection)
    if not hmac.compare_digest(marks[_INDEX], vault.index_mark()):
        raise _unfit(_INDEX)
    try:
        vault.open(marks[_DATA], _PLACE)
    except OpenError as error:
        raise _unfit(_DATA) from error


async def _marks(connection: asyncpg.Connection | asyncpg.Pool) -> Mapping[str, bytes]:
    rows = await connection.fetch("SELECT name, mark FROM key_mark")
    return {row["name"]: row["mark"] for row in rows}


async def _opens_a_sample(connection: asyncpg.Connection | asyncpg.Pool, vault: Vault) -> bool:
    """Data from before there were marks: whether one ticket of it opens, and is found again."""
    row = await connection.fetchrow(_SAMPLE)
    if row is None:
        return True
    try:
        number = orders.holder(vault, row)["number"]
    except OpenError:
        return False
    document = parse_document(DocumentType(row["document_type"]), number, row["visit_date"])
    if isinstance(document, DocumentRefusal):
        return True
    return hmac.compare_digest(vault.holder_hash(document), row["holder_hash"])


def _unfit(name: str) -> KeysDoNotFitError:
    return KeysDoNotFitError(
        f"the key for {name} is not the one that this database was written with:"
        " restore the key file from its backup"
    )
