"""Signatures of WeChat Pay APIv3: RSA-SHA256 over raw octets, in both directions.

Every line of a signed text ends in LF, the last one too. A request signs method, path with query,
timestamp, nonce and body; an answer and a notification sign timestamp, nonce and body.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from menpiao.centre.commerce.provider import Rejection, RejectionCode

ALGORITHM = "WECHATPAY2-SHA256-RSA2048"
FRESH_S = 300
"""A timestamp further from our clock than this is refused, in both directions of time."""
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"


class KeyFileError(ValueError):
    """A key file cannot be used; the message names the file and never its content."""


def _lines(*parts: bytes) -> bytes:
    return b"".join(part + b"\n" for part in parts)


@dataclass(frozen=True, slots=True)
class MerchantKey:
    """The merchant's private key, which signs what we send."""

    mchid: str
    serial: str
    key: RSAPrivateKey

    @classmethod
    def read(cls, mchid: str, serial: str, file: Path) -> "MerchantKey":
        """Load the key of a PEM file without password.

        Raises:
            KeyFileError: the file is missing, or holds no RSA private key.
        """
        try:
            key = load_pem_private_key(file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise KeyFileError(f"{file}: {type(error).__name__}") from error
        if not isinstance(key, RSAPrivateKey):
            raise KeyFileError(f"{file}: not an RSA private key")
        return cls(mchid=mchid, serial=serial, key=key)

    def sign(self, text: bytes) -> str:
        """The Base64 signature of a text."""
        return base64.b64encode(self.key.sign(text, PKCS1v15(), SHA256())).decode("ascii")

    def authorization(
        self, method: str, path: str, body: bytes, timestamp_s: int, nonce: str
    ) -> str:
        """The Authorization header for a request; ``path`` with query, exactly as sent."""
        text = _lines(
            method.encode("ascii"), path.encode("ascii"), b"%d" % timestamp_s, nonce.encode(), body
        )
        return (
            f'{ALGORITHM} mchid="{self.mchid}",nonce_str="{nonce}",timestamp="{timestamp_s}",'
            f'serial_no="{self.serial}",signature="{self.sign(text)}"'
        )


@dataclass(frozen=True, slots=True)
class PlatformKeys:
    """The keys that prove what WeChat sends, by their serial; several are valid while keys rotate.

    ``preferred`` is the serial that our requests ask to be answered with.
    """

    by_serial: Mapping[str, RSAPublicKey]
    preferred: str

    @classmethod
    def read(
        cls, public_key_id: str, public_key: Path | None, certificates: Iterable[Path]
    ) -> "PlatformKeys":
        """Load the WeChat Pay public key (微信支付公钥) and any platform certificates.

        Raises:
            KeyFileError: a file cannot be used, or there is no key at all.
        """
        found: dict[str, RSAPublicKey] = {}
        if public_key is not None:
            try:
                key = load_pem_public_key(public_key.read_bytes())
            except (OSError, ValueError) as error:
                raise KeyFileError(f"{public_key}: {type(error).__name__}") from error
            if not isinstance(key, RSAPublicKey) or not public_key_id:
                raise KeyFileError(f"{public_key}: not an RSA public key with an id")
            found[public_key_id.upper()] = key
        for file in certificates:
            try:
                certificate = x509.load_pem_x509_certificate(file.read_bytes())
            except (OSError, ValueError) as error:
                raise KeyFileError(f"{file}: {type(error).__name__}") from error
            key = certificate.public_key()
            if not isinstance(key, RSAPublicKey):
                raise KeyFileError(f"{file}: not an RSA certificate")
            found[f"{certificate.serial_number:X}"] = key
        if not found:
            raise KeyFileError("no platform key configured")
        return cls(by_serial=found, preferred=next(iter(found)))

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Rejection | None:
        """None when the octets come from WeChat and are fresh, otherwise why not.

        ``headers`` is looked up case-insensitively. Never fetches a key: an outsider chooses the
        serial, so an unknown one is refused at once.
        """
        fields = {name.lower(): value for name, value in headers.items()}
        signature = fields.get("wechatpay-signature", "")
        if signature.startswith(PROBE_PREFIX):
            return Rejection(RejectionCode.PROBE)
        stamp = fields.get("wechatpay-timestamp", "")
        nonce = fields.get("wechatpay-nonce", "")
        serial = fields.get("wechatpay-serial", "").upper().removeprefix("0X").lstrip("0")
        if not (signature and stamp and nonce and serial):
            return Rejection(RejectionCode.UNSIGNED)
        if fields.get("wechatpay-signature-type", ALGORITHM) != ALGORITHM:
            return Rejection(RejectionCode.UNSIGNED, "signature type not supported")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 13):
            return Rejection(RejectionCode.MALFORMED, "timestamp")
        if abs(now.timestamp() - int(stamp)) > FRESH_S:
            return Rejection(RejectionCode.STALE)
        key = self.by_serial.get(serial)
        if key is None:
            return Rejection(RejectionCode.UNKNOWN_KEY)
        try:
            octets = base64.b64decode(signature, validate=True)
            key.verify(octets, _lines(stamp.encode(), nonce.encode(), body), PKCS1v15(), SHA256())
        except (binascii.Error, ValueError, InvalidSignature):
            return Rejection(RejectionCode.BAD_SIGNATURE)
        return None
