"""A day bundle on the lane's disk: written whole or not at all, mapped instead of read.

Layout: a mark, the length of the manifest and the SHA-256 of the content, then the manifest (JSON)
and the content as ``wire.bundle`` describes it, unpacked, so that it is searched where it lies.
After the content lies its index by ticket (``wire.bundle.place_tickets``), made here and under the
same checksum; to a file of an earlier version, without it, it is made when the file is opened.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from menpiao.terminals.gate.offline.rows import Rules, octets_of, rules_of
from menpiao.wire.bundle import (
    BUNDLE_VERSION,
    MEANINGS,
    TICKET,
    ZONE,
    Content,
    Manifest,
    place_tickets,
    places_size,
    signed_part,
    ticket_ids,
    unpack_barred,
)
from menpiao.wire.unreadable import UNREADABLE

_MARK: Final = b"menpiao-bundle-1\n"
_HEAD: Final = struct.Struct(">I32s")
_PIECE: Final = 1 << 18
_OUT: Final = 1 << 20
_MANIFEST_MOST: Final = 16 << 20
_REST_AFTER: Final = 8


class BundleError(ValueError):
    """A bundle that cannot be believed or used; the message says why."""


class NewerBundleError(BundleError):
    """A manifest that means something which this program does not know."""


@dataclass(slots=True)
class DayBundle:
    """A bundle ready to be searched. ``rows`` stay valid until `close`."""

    rules: Rules
    content: Content
    map: mmap.mmap | None
    looks: int = 0

    @property
    def manifest(self) -> Manifest:
        """What is in it."""
        return self.rules.manifest

    def looked(self) -> None:
        """Say that something was looked up; now and then the memory that it took is given back.

        Of a mapped file all that is touched, and what lies around it, counts as this process's
        memory until it is let go: of a large day some 60 MB. In the system's cache it stays.
        """
        self.looks += 1
        if self.map is not None and self.looks % _REST_AFTER == 0:
            self.map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Let go of the file."""
        self.content = Content(b"", 0, 0)
        if self.map is not None:
            self.map.close()
            self.map = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A manifest as far as this version knows it, and the octets that it came in.

    The signature is over the octets: a centre that is newer has signed for more than is read here.
    """

    manifest: Manifest
    octets: bytes


class _Version(msgspec.Struct):
    """What every manifest says, of whatever version."""

    version: int


def decoded(octets: bytes) -> Signed:
    """Read a manifest, unverified.

    Raises:
        NewerBundleError: it is of another version.
        BundleError: it is none.
    """
    try:
        # Another version may look otherwise altogether: what it is comes first.
        version = msgspec.json.decode(octets, type=_Version).version
        if version != BUNDLE_VERSION:
            raise NewerBundleError(f"version {version}, not {BUNDLE_VERSION}")
        return Signed(msgspec.json.decode(octets, type=Manifest), octets)
    except UNREADABLE as error:
        raise BundleError(f"manifest: {error}") from None


def verify(signed: Signed, key: str) -> Rules:
    """Hold a manifest to the centre's key, and see that all it means is known here.

    Fields that are unknown here are passed over; a word that is not known where one of several is
    expected, and an unknown meaning in ``needs``, are refused, as `decoded` refuses a version.

    Raises:
        NewerBundleError: one of these.
        BundleError: the signature does not hold, or what is signed for cannot be read.
    """
    manifest = signed.manifest
    try:
        public = Ed25519PublicKey.from_public_bytes(octets_of(key))
        public.verify(octets_of(manifest.signature), signed_part(signed.octets))
    except (InvalidSignature, ValueError, *UNREADABLE):
        raise BundleError("the signature of the manifest does not hold") from None
    unknown = sorted(set(manifest.needs) - MEANINGS)
    if unknown:
        raise NewerBundleError(f"needs {unknown[0][:40]!r}")
    try:
        rules = rules_of(manifest)
    except ValueError as error:
        raise NewerBundleError(str(error)) from None
    try:
        unpack_barred(manifest.barred)
    except ValueError as error:
        raise BundleError(str(error)) from None
    return rules


def plain_size(manifest: Manifest) -> int:
    """How long the unpacked content is."""
    return manifest.tickets * TICKET.size + manifest.zones * ZONE.size


def build(signed: Signed, packed: Path, into: Path) -> None:
    """Make a bundle's file from its packed content; never more of it in memory than a piece.

    Raises:
        BundleError: the content is not the one that was signed for.
        OSError: the disk.
    """
    manifest, head = signed.manifest, signed.octets
    fresh = into.with_name(into.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "r+b") as out:
            out.write(_MARK + _HEAD.pack(len(head), bytes(32)) + head)
            begins = out.tell()
            plain = _unpack(manifest, packed, out)
            out.seek(begins)
            places = place_tickets(_ids(manifest.tickets, out), manifest.tickets)
            out.seek(begins + plain_size(manifest))
            out.write(places)
            plain.update(places)
            out.seek(len(_MARK))
            out.write(_HEAD.pack(len(head), plain.digest()))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(into)
    finally:
        fresh.unlink(missing_ok=True)


def _ids(tickets: int, content: BinaryIO) -> Iterator[int]:
    """The tickets of a content, a piece of it in memory at a time."""
    most = _OUT // TICKET.size
    while tickets:
        count = min(most, tickets)
        yield from ticket_ids(content.read(count * TICKET.size))
        tickets -= count


def _unpack(manifest: Manifest, packed: Path, out: BinaryIO) -> hashlib._Hash:
    size, digest, plain = 0, hashlib.sha256(), hashlib.sha256()
    most = plain_size(manifest)
    engine = zlib.decompressobj()
    with packed.open("rb") as source:
        while piece := source.read(_PIECE):
            digest.update(piece)
            more = True
            while more:
                octets = inflated(engine, piece)
                size += len(octets)
                # What is signed for says how much may come out: a crafted stream fills no disk.
                if size > most:
                    raise BundleError("the content is longer than its manifest says")
                plain.update(octets)
                out.write(octets)
                piece = engine.unconsumed_tail
                more = bool(piece) or len(octets) == _OUT
    if digest.hexdigest() != manifest.sha256:
        raise BundleError("the content is not the one that was signed for")
    if not engine.eof or size != most:
        raise BundleError("the content is shorter than its manifest says")
    return plain


def inflated(engine: zlib._Decompress, piece: bytes) -> bytes:
    """At most a megabyte of what a piece unpacks to; raises BundleError."""
    try:
        return engine.decompress(piece, _OUT)
    except zlib.error:
        raise BundleError("the content is damaged") from None


def open_bundle(path: Path, key: str) -> DayBundle:
    """Open a bundle's file after holding it to its signature and its checksum.

    Raises:
        BundleError: it is not one, is damaged, or is of another key.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        signed, begins, digest = read_head(file)
        manifest, rules = signed.manifest, verify(signed, key)
        # Read, not mapped: what is mapped and touched counts as memory of this process.
        file.seek(begins)
        if hashlib.file_digest(file, "sha256").digest() != digest:
            raise BundleError("the file is damaged")
        if not plain_size(manifest):
            return DayBundle(rules, Content(b"", 0, 0), None)
        held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    held.madvise(mmap.MADV_RANDOM)
    ends = begins + plain_size(manifest)
    places = memoryview(held)[ends:] if len(held) > ends else None
    if places is not None and len(places) != places_size(manifest.tickets):
        places = None
    octets = memoryview(held)[begins:ends]
    content = Content(octets, manifest.tickets, manifest.zones, places)
    return DayBundle(rules, content, held)


def read_head(file: BinaryIO) -> tuple[Signed, int, bytes]:
    """The manifest, unverified, where the content begins, and its SHA-256; raises BundleError."""
    head = file.read(len(_MARK) + _HEAD.size)
    if len(head) != len(_MARK) + _HEAD.size or not head.startswith(_MARK):
        raise BundleError("not a bundle")
    length, digest = _HEAD.unpack(head[len(_MARK) :])
    if length > _MANIFEST_MOST:
        raise BundleError("not a bundle")
    text = file.read(length)
    if len(text) != length:
        raise BundleError("not a bundle")
    return decoded(text), len(head) + length, digest
