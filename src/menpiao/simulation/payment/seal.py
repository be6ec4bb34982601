"""The platform's side of the protocol's cryptography, written from the documents.

Deliberately apart from the client's: a mistake in one does not hide in the other.
"""

import base64
import binascii
import re
import secrets
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from menpiao.simulation.payment.keys import Keys

SCHEME = "WECHATPAY2-SHA256-RSA2048"
Flaw = Literal["", "bad_signature", "unsigned", "stale", "unknown_serial", "probe"]
_FIELD = re.compile(r'([a-z_]+)="([^"]*)"')


def fault_of_request(
    keys: Keys, authorization: str, method: str, target: str, body: bytes, now_s: float
) -> str:
    """Empty when the merchant's signature over these octets holds, otherwise what is wrong."""
    scheme, _, rest = authorization.partition(" ")
    if scheme != SCHEME:
        return "Authorization 类型不正确"
    given = dict(_FIELD.findall(rest))
    if set(given) != {"mchid", "nonce_str", "timestamp", "serial_no", "signature"}:
        return "Authorization 字段不完整"
    if given["mchid"] != keys.account.mchid:
        return "商户号不匹配"
    if given["serial_no"] != keys.account.merchant_serial:
        return "商户证书序列号有误"
    if not given["timestamp"].isdigit() or abs(now_s - int(given["timestamp"])) > 300:
        return "Http头 Authorization 的时间戳超过有效期"
    text = f"{method}\n{target}\n{given['timestamp']}\n{given['nonce_str']}\n".encode()
    try:
        keys.merchant.verify(
            base64.b64decode(given["signature"], validate=True),
            text + body + b"\n",
            PKCS1v15(),
            SHA256(),
        )
    except (InvalidSignature, binascii.Error, ValueError):
        return "签名错误"
    return ""


def signed_headers(
    keys: Keys, serial: str, body: bytes, now_s: float, flaw: Flaw = ""
) -> dict[str, str]:
    """The headers that prove a body; ``serial`` of a key we do not have means the certificate's."""
    if serial not in keys.platform:
        serial = keys.certificate_serial
    stamp = int(now_s) - (3600 if flaw == "stale" else 0)
    nonce = secrets.token_hex(16)
    text = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    octets = keys.platform[serial].sign(text, PKCS1v15(), SHA256())
    if flaw == "bad_signature":
        octets = octets[:-1] + bytes([octets[-1] ^ 1])
    signature = base64.b64encode(octets).decode()
    if flaw == "probe":
        signature = "WECHATPAY/SIGNTEST/" + signature[19:]
    headers = {"Request-ID": secrets.token_hex(12)}
    if flaw == "unsigned":
        return headers
    return headers | {
        "Wechatpay-Timestamp": str(stamp),
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": signature,
        "Wechatpay-Signature-Type": SCHEME,
        "Wechatpay-Serial": "7E57" * 10 if flaw == "unknown_serial" else serial,
    }


def seal(keys: Keys, kind: str, text: bytes) -> dict[str, str]:
    """A resource sealed for the merchant."""
    nonce = secrets.token_hex(6)
    sealed = AESGCM(keys.account.apiv3_key.encode()).encrypt(nonce.encode(), text, kind.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "original_type": kind,
        "ciphertext": base64.b64encode(sealed).decode(),
        "nonce": nonce,
        "associated_data": kind,
    }
