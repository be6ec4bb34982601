"""What reading foreign JSON may end in: caught wherever octets from outside are decoded."""

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""Not JSON or not the message; no UTF-8 (which msgspec leaves to Python); nested without end."""
