"""Money: integers in fen (1 yuan = 100 fen); never a float."""


def yuan(amount_fen: int) -> str:
    """Write an amount as yuan with two decimals: ``8000`` becomes ``80.00``."""
    sign = "-" if amount_fen < 0 else ""
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{sign}{whole}.{rest:02d}"


def fen(text: str) -> int | None:
    """Read an amount in yuan (at most two decimals) as fen; None when it is not one."""
    whole, dot, rest = text.strip().partition(".")
    if not (whole.isascii() and whole.isdigit()) or (dot and not rest) or len(rest) > 2:
        return None
    if rest and not (rest.isascii() and rest.isdigit()):
        return None
    return int(whole) * 100 + int((rest or "0").ljust(2, "0"))


def percent_of(amount_fen: int, percent: int) -> int:
    """``percent`` (0-100) of an amount, rounded half up to whole fen."""
    return (amount_fen * percent + 50) // 100
