"""Typed settings: one TOML file and the environment, read once at start.

The environment wins over the file: ``MENPIAO_DATABASE_URL`` sets ``[database] url``. Unknown keys
are errors, so that a misspelt setting is found at start and not on National Day.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

ENV_PREFIX = "MENPIAO_"


class SettingsError(ValueError):
    """The settings cannot be used; the message says which key, and what was expected."""


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the settings file."""


class Database(_Section, frozen=True):
    """Where the data store (patent part 9) is.

    ``url`` empty: the embedded PostgreSQL in ``data_dir``. Otherwise a PostgreSQL 15+ URL.
    """

    url: str = ""
    pool_size: int = 8


class Http(_Section, frozen=True):
    """The public door of the centre."""

    host: str = "127.0.0.1"
    port: int = 8700
    public_url: str = ""
    """What visitors, gates and payment platforms use to reach us; empty = http://host:port."""
    trusted_proxies: str = ""
    """Addresses of the switch in front, with commas between them: they are believed when they say,
    by X-Forwarded-For and X-Forwarded-Proto, for whom they ask. Without them all visitors behind a
    switch would share its address, and its limits."""


class Log(_Section, frozen=True):
    """What a process says about its work, on standard error."""

    format: Literal["auto", "json", "text"] = "auto"
    """``auto``: readable in a terminal, JSON lines everywhere else."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """``debug`` names every scan and sale of a batch by its request id."""


class Metrics(_Section, frozen=True):
    """Who may read ``/metrics`` and ``/internal``."""

    token: str = ""
    """Asked for as ``Authorization: Bearer``. Without one they are there for this machine alone:
    where the process listens on a loopback address and has no public address."""


class Work(_Section, frozen=True):
    """The private door of ``menpiao work``: health and metrics, for this machine."""

    host: str = "127.0.0.1"
    port: int = 8710
    """Several workers on one machine take several ports."""


class Wechat(_Section, frozen=True):
    """A WeChat Pay APIv3 merchant account; ``base_url`` is a simulated platform in the demo."""

    base_url: str = ""
    failover_url: str = ""
    """Asked when ``base_url`` cannot be reached. Both empty: the platform's two hosts."""
    mchid: str = ""
    appid: str = ""
    merchant_serial: str = ""
    merchant_key_file: str = ""
    apiv3_key: str = ""
    platform_public_key_file: str = ""
    platform_key_id: str = ""
    platform_certificate_file: str = ""
    """A platform certificate, beside or instead of the public key while an account moves over."""
    notify_url: str = ""


class Sms(_Section, frozen=True):
    """A CMPP 2.0/3.0 account at an operator or aggregator; a simulated one in the demo."""

    host: str = ""
    port: int = 7890
    sp_id: str = ""
    secret: str = ""
    src_id: str = ""
    service_id: str = "MENPIAO"
    signature: str = ""
    """Shown in front of every message as 【…】; empty = the site's name."""

    def __post_init__(self) -> None:
        """Refuse an account that could not log in.

        Raises:
            ValueError: a host without the fields that every account has.
        """
        missing = [name for name in ("sp_id", "secret", "src_id") if not getattr(self, name)]
        if self.host and missing:
            msg = f"host is set, and so must be {', '.join(missing)}"
            raise ValueError(msg)


class Selling(_Section, frozen=True):
    """How places are sold."""

    pay_within_s: Annotated[int, msgspec.Meta(ge=1, le=7200)] = 15 * 60
    ticket_codes: bool = True
    """Whether tickets have a QR code that lanes with a scanner take instead of the document."""
    """How long places are held for whoever has not paid. Codes of platforms live two hours at
    most; WeChat Pay takes no order of less than a minute."""


class Settings(_Section, frozen=True):
    """Everything a process of menpiao is told from outside."""

    data_dir: Path = Path("data")
    language: str = "zh-hans"
    debug: bool = False
    database: Database = Database()
    http: Http = Http()
    log: Log = Log()
    metrics: Metrics = Metrics()
    work: Work = Work()
    wechat: Wechat = Wechat()
    sms: Sms = Sms()
    selling: Selling = Selling()

    @property
    def public_url(self) -> str:
        """The base address of the centre as others see it, without a trailing slash."""
        return (self.http.public_url or f"http://{self.http.host}:{self.http.port}").rstrip("/")

    @property
    def key_file(self) -> Path:
        """The file of secret keys (mode 0600); it is never in the database."""
        return self.data_dir / "keys.json"


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    sections = {f.name for f in msgspec.structs.fields(Settings) if isinstance(f.default, _Section)}
    for name, value in environ.items():
        if not name.startswith(ENV_PREFIX) or name == f"{ENV_PREFIX}CONFIG":
            continue
        key = name.removeprefix(ENV_PREFIX).lower()
        section, _, rest = key.partition("_")
        if section in sections and rest:
            found.setdefault(section, {})[rest] = value
        else:
            found[key] = value
    return found


def _path(kind: type[Any], value: object) -> object:
    """Turn a text into a path; other kinds are msgspec's own."""
    return kind(value) if kind is Path else value


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read settings from ``path`` (or ``$MENPIAO_CONFIG``), then from the environment.

    Raises:
        SettingsError: a key is unknown, a value has the wrong type, the file cannot be read.
    """
    env = os.environ if environ is None else environ
    path = path or (Path(env["MENPIAO_CONFIG"]) if env.get("MENPIAO_CONFIG") else None)
    raw: dict[str, Any] = {}
    if path is not None:
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            msg = f"{path}: {error}"
            raise SettingsError(msg) from error
    for key, value in _from_environment(env).items():
        if isinstance(value, dict):
            raw[key] = {**raw.get(key, {}), **value}
        else:
            raw[key] = value
    try:
        return msgspec.convert(raw, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        msg = f"settings: {error}"
        raise SettingsError(msg) from error
