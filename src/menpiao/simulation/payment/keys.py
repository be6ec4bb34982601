"""Key material of a simulated merchant and its platform, made once and kept in a folder."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from menpiao.settings import Wechat

_ACCOUNT = "account.json"
_MERCHANT = "merchant_private.pem"
_PLATFORM = "platform_private.pem"
_PLATFORM_PUBLIC = "platform_public.pem"
_CERTIFICATE = "platform_certificate.pem"
_CERTIFICATE_KEY = "platform_certificate_private.pem"


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words and numbers of a simulated merchant; none of them exists outside."""

    mchid: str
    appid: str
    merchant_serial: str
    apiv3_key: str
    platform_key_id: str
    name: str = "模拟景区"


@dataclass(frozen=True, slots=True)
class Keys:
    """What the platform holds: its own keys by serial, and the merchant's public key."""

    account: Account
    merchant: rsa.RSAPublicKey
    platform: dict[str, rsa.RSAPrivateKey]
    certificate_serial: str


def make_merchant(folder: Path, *, base_url: str = "", notify_url: str = "") -> Wechat:
    """The settings of a merchant whose keys are in ``folder``; they are made when missing."""
    if not (folder / _ACCOUNT).exists():
        _generate(folder)
    account = _account(folder)
    return Wechat(
        base_url=base_url,
        mchid=account.mchid,
        appid=account.appid,
        merchant_serial=account.merchant_serial,
        merchant_key_file=str(folder / _MERCHANT),
        apiv3_key=account.apiv3_key,
        platform_public_key_file=str(folder / _PLATFORM_PUBLIC),
        platform_key_id=account.platform_key_id,
        platform_certificate_file=str(folder / _CERTIFICATE),
        notify_url=notify_url,
    )


def load_platform(folder: Path) -> Keys:
    """The platform's side of the same folder; keys are made when missing."""
    if not (folder / _ACCOUNT).exists():
        _generate(folder)
    account = _account(folder)
    certificate = x509.load_pem_x509_certificate((folder / _CERTIFICATE).read_bytes())
    serial = f"{certificate.serial_number:X}"
    return Keys(
        account=account,
        merchant=_private(folder / _MERCHANT).public_key(),
        platform={
            account.platform_key_id: _private(folder / _PLATFORM),
            serial: _private(folder / _CERTIFICATE_KEY),
        },
        certificate_serial=serial,
    )


def _account(folder: Path) -> Account:
    return msgspec.json.decode((folder / _ACCOUNT).read_bytes(), type=Account)


def _private(file: Path) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{file}: not an RSA key")
    return key


def _write(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)


def _generate(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in (_MERCHANT, _PLATFORM, _CERTIFICATE_KEY):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(folder / name, pem)
    public = _private(folder / _PLATFORM).public_key()
    _write(
        folder / _PLATFORM_PUBLIC,
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )
    _write(folder / _CERTIFICATE, _certificate(_private(folder / _CERTIFICATE_KEY)))
    account = Account(
        mchid="1900000001",
        appid="wx00000000simulated"[:18],
        merchant_serial=secrets.token_hex(20).upper(),
        apiv3_key=secrets.token_hex(16),
        platform_key_id=f"PUB_KEY_ID_{secrets.randbelow(10**28):028d}",
    )
    _write(folder / _ACCOUNT, msgspec.json.encode(account))


def _certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated payment platform")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=5 * 365))
        .sign(key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)
