"""What the statistics server (for managers) tells a page that looks on, version 1."""

from menpiao.wire.check import Instant, Message


class Stretch(Message, frozen=True, kw_only=True):
    """Five minutes: people in and out, scans refused; ``start`` is in UTC."""

    start: Instant
    entries: int
    exits: int
    refused: int


class Share(Message, frozen=True, kw_only=True):
    """People of one kind; ``code`` is empty where it is not known."""

    code: str
    zh: str
    en: str
    people: int


class LiveFigures(Message, frozen=True, kw_only=True):
    """A site today. Ranked lists: most people first. Descriptions count first entries alone."""

    site_id: int
    site: str
    site_en: str
    zone: str
    day: str
    inside: int
    capacity: int
    level: str
    """Of the people inside against the instantaneous ceiling: "", yellow, orange or red."""
    entries: int
    exits: int
    refused: int
    visitors: int
    buckets: list[Stretch]
    provinces: list[Share]
    cities: list[Share]
    age_bands: list[Share]
    sexes: list[Share]
