"""Sealed parts of notifications: AES-256-GCM under the APIv3 key."""

import base64
import binascii

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ALGORITHM = "AEAD_AES_256_GCM"


class ResourceError(ValueError):
    """A sealed resource cannot be opened: wrong key, changed content or another algorithm."""


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed JSON text, as it stands in a notification; fields we do not know are let through."""

    algorithm: str
    ciphertext: str
    nonce: str
    associated_data: str = ""
    original_type: str = ""


def check_key(apiv3_key: str) -> bytes:
    """The APIv3 key as octets.

    Raises:
        ValueError: it is not 32 octets long.
    """
    key = apiv3_key.encode()
    if len(key) != 32:
        raise ValueError("the APIv3 key must be 32 octets")
    return key


def unseal(resource: Resource, key: bytes) -> bytes:
    """The JSON text inside. Call it on verified notifications only.

    Raises:
        ResourceError: the text cannot be opened.
    """
    if resource.algorithm != ALGORITHM:
        raise ResourceError("algorithm not supported")
    try:
        sealed = base64.b64decode(resource.ciphertext, validate=True)
        return AESGCM(key).decrypt(
            resource.nonce.encode(), sealed, resource.associated_data.encode()
        )
    except (binascii.Error, ValueError, InvalidTag) as error:
        raise ResourceError("the resource cannot be opened") from error
