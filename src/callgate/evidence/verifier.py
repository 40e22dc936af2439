#!/usr/bin/env python3
"""Checks a bundle of evidence that callgate exported. Needs Python 3.9 or later, and nothing else.

    python3 verify.py BUNDLE [--anchor FILE] [--signer HEX] [--json]

Exit code 0: all is as it was committed and signed; 1: something was changed, removed, inserted or moved; 2: it is no
bundle, or cannot be read.

How a bundle holds together. Each event has a hash, which takes in the hash of its writer's event before and a salted
commitment to what it says:

    commitment = SHA-256(salt, body, sealed)
    hash(n)    = SHA-256(hash(n-1), commitment, seq, n, mark, version, writer, at, kind, call, subject, controller)

`roll.bin` has a record of 33 bytes for every event between the first and the last of the bundle: a sign, and the hash.
The sign is `+` for an event that is shown in `events.jsonl` with what it says, `=` for one that is shown without, `-`
for one that is not shown. Every few minutes a checkpoint signs the SHA-256 of all hashes since the one before (its
`roll`) and the digest of that one. The comment at the end of the archive is a signature of every byte before it.

So a hash proves what is shown, and tells nothing of what is not: the salt in it is chance. An *anchor* is a line that
others received while the ledger was written, by itself or in an item: the number and digest of a checkpoint. Without
one, whoever holds the signing key could have made everything anew.

Nothing of a bundle is written to disk or run, and nothing is believed before it was looked at: sizes, types and names
are bounded.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

FORMAT = 1
SEALED_AS = b"callgate evidence bundle 1\0"
SEAL = re.compile(rb"callgate-evidence 1 ([0-9a-f]{64}) ([0-9a-f]{128})\n")
SEAL_BYTES = 20 + 64 + 1 + 128 + 1
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]*(\.[a-z0-9]+)?(/[a-zA-Z0-9][a-zA-Z0-9_-]*(\.[a-z0-9]+)?)?")
FILES_AT_MOST = 10_000
MANIFEST_AT_MOST = 4 << 20
LINE_AT_MOST = 4 << 20
ROLLED_AT_MOST = 1_000_000
"""How many events one checkpoint may add."""
DENSEST = 300
"""How many times its packed size a file may have: what callgate writes stays far below."""
READ_BYTES = 1 << 18
RECORD_BYTES = 33
SHOWN, BARE, WITHHELD = b"+=-"
DIGEST_BYTES = 20


class Broken(Exception):
    """It is no bundle, or one that cannot be read: the sentence says why."""


# Ed25519 (RFC 8032, section 5.1), verification only. Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def _add(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Section 5.1.4."""
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    t, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = n - m, z - t, z + t, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def _decoded(raw: bytes) -> tuple[int, int, int, int] | None:
    """Section 5.1.3; None for what is no point, or written in another way than the one."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _encoded(point: tuple[int, int, int, int]) -> bytes:
    by = pow(point[2], P - 2, P)
    return (point[1] * by % P | (point[0] * by % P & 1) << 255).to_bytes(32, "little")


BASE = _decoded((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or NEUTRAL


def is_signed(signer: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the signer's Ed25519 signature of the message (section 5.1.7)."""
    point = _decoded(signer) if len(signer) == 32 else None
    if point is None or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + signer + message).digest(), "little") % ORDER
    against = (P - point[0], point[1], 1, P - point[3])
    both = _add(BASE, against)
    found = NEUTRAL
    for bit in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):  # [s]B - [k]A, both at once
        found = _add(found, found)
        which = s >> bit & 1, k >> bit & 1
        if which != (0, 0):
            found = _add(found, {(1, 0): BASE, (0, 1): against, (1, 1): both}[which])
    return hmac.compare_digest(_encoded(found), signature[:32])


# The chain.

LINKED = struct.Struct(">32s32sQQqIiiiiii")
COMMITTED = struct.Struct(">16sqq")


class Shown(NamedTuple):
    """An event as `events.jsonl` has it. `said` is salt, body and sealed part; None where it is not shown."""

    seq: int
    writer: bytes
    n: int
    mark: int | None
    at: bytes
    kind: bytes
    call: bytes | None
    subject: bytes | None
    controller: bytes | None
    version: int
    commitment: bytes
    before: bytes
    said: tuple[bytes | None, bytes | None, bytes | None] | None

    @property
    def name(self) -> str:
        """By which people find it in the ledger."""
        return f"event {self.seq} ({self.writer.decode()} {self.n})"

    def hash(self) -> bytes:
        """What its hash has to be."""
        texts = (self.writer, self.at, self.kind, self.call, self.subject, self.controller)
        lengths = (-1 if text is None else len(text) for text in texts)
        mark = -1 if self.mark is None else self.mark
        head = LINKED.pack(self.before, self.commitment, self.seq, self.n, mark, self.version, *lengths)
        return hashlib.sha256(head + b"".join(text or b"" for text in texts)).digest()

    def is_gone(self) -> bool:
        """Whether what it said was removed, all of it, when its time was over."""
        return self.said is not None and self.said == (None, None, None)

    def fits(self) -> bool:
        """Whether it says what was committed to."""
        if self.said is None:
            return True
        salt, body, sealed = self.said
        if salt is None or body is None:
            return self.is_gone()
        head = COMMITTED.pack(salt, len(body), -1 if sealed is None else len(sealed))
        return len(salt) == 16 and hashlib.sha256(head + body + (sealed or b"")).digest() == self.commitment


# Reading what somebody else wrote.


def _number(written: str) -> int:
    if len(written) > 20:
        raise ValueError("a number is too long")
    return int(written)


def _refuse(written: str) -> None:
    raise ValueError(f"{written} is no JSON")


def read_json(raw: bytes, what: str) -> dict[str, Any]:
    """An object. Raises Broken for anything else."""
    try:
        found = json.loads(raw.decode("utf-8"), parse_int=_number, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Broken(f"{what} is not JSON as callgate writes it") from None
    if not isinstance(found, dict):
        raise Broken(f"{what} is no JSON object")
    return found


def field(of: dict[str, Any], name: str, kind: type, what: str) -> Any:
    """A field of a type. Raises Broken."""
    found = of.get(name)
    if type(found) is not kind:
        raise Broken(f"{what} has no {name!r} that is one")
    return found


def count(of: dict[str, Any], name: str, what: str) -> int:
    """A number from 0 to 2^63 - 1. Raises Broken."""
    found = int(field(of, name, int, what))
    if not 0 <= found < 1 << 63:
        raise Broken(f"{what} has no {name!r} that is one")
    return found


def encoded(of: dict[str, Any], name: str, what: str) -> bytes:
    """A text, in UTF-8. Raises Broken."""
    try:
        return str(field(of, name, str, what)).encode()
    except UnicodeEncodeError:
        raise Broken(f"{what} has no {name!r} that is one") from None


def unhex(of: dict[str, Any], name: str, what: str, length: int | None = None) -> bytes:
    """Bytes that are written in hexadecimal, in small letters. Raises Broken."""
    written = field(of, name, str, what)
    if not re.fullmatch(r"([0-9a-f]{2})*", written) or (length is not None and len(written) != 2 * length):
        raise Broken(f"{what} has no {name!r} that is one")
    return bytes.fromhex(written)


def read_event(raw: bytes, what: str) -> Shown:
    """A line of `events.jsonl`. Raises Broken."""
    line = read_json(raw, what)

    def text(name: str, needed: bool = True) -> bytes | None:
        return None if line.get(name) is None and not needed else encoded(line, name, what)

    def some(name: str) -> bytes | None:
        return None if line.get(name) is None else unhex(line, name, what)

    version = count(line, "version", what)
    if version >= 1 << 32:
        raise Broken(f"{what} has no 'version' that is one")
    return Shown(
        seq=count(line, "seq", what),
        writer=text("writer") or b"",
        n=count(line, "n", what),
        mark=None if line.get("mark") is None else count(line, "mark", what),
        at=text("at") or b"",
        kind=text("kind") or b"",
        call=text("call", needed=False),
        subject=some("subject"),
        controller=text("controller", needed=False),
        version=version,
        commitment=unhex(line, "commitment", what, 32),
        before=unhex(line, "before", what, 32),
        said=(some("salt"), text("body", needed=False), some("sealed")) if "body" in line else None,
    )


class Checkpoint(NamedTuple):
    """A line of `checkpoints.jsonl`. `roll` is None for one of the days before there were rolls."""

    number: int
    seq: int
    before: str
    ledger: str
    heads: dict[str, tuple[int, bytes]]
    roll: bytes | None
    statement: bytes
    signer: bytes
    signature: bytes

    @property
    def digest(self) -> bytes:
        """What the next checkpoint and an anchor hold of it."""
        return hashlib.sha256(self.statement + self.signer + self.signature).digest()


def read_checkpoint(raw: bytes, what: str) -> Checkpoint:
    """Raises Broken."""
    line = read_json(raw, what)
    statement = encoded(line, "statement", what)
    said = read_json(statement, what)
    heads: dict[str, tuple[int, bytes]] = {}
    for writer, head in field(said, "heads", dict, what).items():
        if not isinstance(head, list) or len(head) != 2:
            raise Broken(f"{what} has heads that are none")
        named = {"n": head[0], "hash": head[1]}
        heads[writer] = count(named, "n", what), unhex(named, "hash", what, 32)
    return Checkpoint(
        number=count(said, "number", what),
        seq=count(said, "seq", what),
        before=field(said, "before", str, what),
        ledger=field(said, "ledger", str, what),
        heads=heads,
        roll=unhex(said, "roll", what, 32) if "roll" in said else None,
        statement=statement,
        signer=unhex(line, "signer", what, 32),
        signature=unhex(line, "signature", what, 64),
    )


class Anchor(NamedTuple):
    """The line that somebody received."""

    number: int
    digest: bytes
    line: str


def read_anchor(line: str) -> Anchor:
    """Case and the spaces between groups do not matter. Raises Broken."""
    number, *letters = line.upper().split() or [""]
    text = "".join(letters)
    try:
        anchor = Anchor(_number(number), base64.b32decode(text[:-4]), line.strip())
    except (ValueError, binascii.Error):
        raise Broken(f"{line.strip()[:80]!r} is no anchor") from None
    check = base64.b32encode(hashlib.sha256(b"%d %s" % (anchor.number, anchor.digest)).digest())[:4].decode()
    if len(anchor.digest) != DIGEST_BYTES or text[-4:] != check:
        raise Broken(f"the anchor {line.strip()[:80]!r} has a slip in it: compare it with where it was copied from")
    return anchor


class Bundle:
    """The archive, and the seal at its end."""

    def __init__(self, path: Path) -> None:
        try:
            self.size = path.stat().st_size
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise Broken(f"{path} cannot be read: {error.strerror}") from None
        self._file.seek(max(0, self.size - SEAL_BYTES))
        found = SEAL.fullmatch(self._file.read())
        if found is None:
            self._file.close()
            raise Broken(f"{path} does not end with the seal of a bundle")
        self.signer, self.signature = bytes.fromhex(found[1].decode()), bytes.fromhex(found[2].decode())
        try:
            self._zip = zipfile.ZipFile(self._file)
            self.members = {info.filename: info for info in self._zip.infolist()}
            self._check_members()
        except Broken:
            self._file.close()
            raise
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error, UnicodeDecodeError):
            self._file.close()
            raise Broken(f"{path} ends with the seal of a bundle, and is no archive that can be read") from None

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()
        self._file.close()

    def _check_members(self) -> None:
        if len(self._zip.infolist()) > FILES_AT_MOST or len(self.members) != len(self._zip.infolist()):
            raise Broken("the archive has too many files, or two of one name")
        for name, info in self.members.items():
            if not NAME.fullmatch(name):
                raise Broken(f"the archive has a file of the name {name[:80]!r}, which no bundle has")
            if info.file_size > DENSEST * max(info.compress_size, 1):
                raise Broken(f"{name} would unpack to far more than it can hold; it is not unpacked")
        if sum(info.compress_size for info in self.members.values()) > self.size:
            raise Broken("the archive has files that lie in one another; it is not unpacked")

    def is_sealed(self) -> bool:
        """Whether the seal is the signer's, of every byte before it."""
        digest = hashlib.sha256()
        self._file.seek(0)
        left = self.size - SEAL_BYTES
        while left and (some := self._file.read(min(left, READ_BYTES))):
            digest.update(some)
            left -= len(some)
        return is_signed(self.signer, SEALED_AS + digest.digest(), self.signature)

    def parts(self, name: str) -> Iterator[bytes]:
        """A file, a part at a time. Raises Broken."""
        if name not in self.members:
            raise Broken(f"{name} is missing")
        try:
            with self._zip.open(name) as file:
                while some := file.read(READ_BYTES):
                    yield some
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError):
            raise Broken(f"{name} is damaged") from None

    def whole(self, name: str, at_most: int) -> bytes:
        """A small file. Raises Broken."""
        found = bytearray()
        for some in self.parts(name):
            found += some
            if len(found) > at_most:
                raise Broken(f"{name} is larger than it may be")
        return bytes(found)

    def lines(self, name: str) -> Iterator[tuple[str, bytes]]:
        """The lines of a file, each with where it stands. Raises Broken."""
        rest, number = b"", 0
        for some in self.parts(name):
            *whole, rest = (rest + some).split(b"\n")
            for line in whole:
                number += 1
                yield f"{name}, line {number},", line
            if len(rest) > LINE_AT_MOST:
                raise Broken(f"{name}, line {number + 1}, is longer than any that callgate writes")
        if rest:
            raise Broken(f"{name} ends in the middle of a line")

    def records(self, name: str) -> Iterator[tuple[int, bytes]]:
        """The records of a roll: sign and hash. Raises Broken."""
        rest = b""
        for some in self.parts(name):
            held = rest + some
            end = len(held) - len(held) % RECORD_BYTES
            for at in range(0, end, RECORD_BYTES):
                yield held[at], held[at + 1 : at + RECORD_BYTES]
            rest = held[end:]
        if rest:
            raise Broken(f"{name} ends in the middle of a record")


# What is checked, in order.


class Report:
    """What was found: `problems`, what was `checked`, and what it does `not_shown`."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.checked: list[str] = []
        self.not_shown: list[str] = []

    @property
    def exit_code(self) -> int:
        """0 where all is well, else 1."""
        return 1 if self.problems else 0


def verify(path: Path, anchors: Iterable[Anchor] = (), signer: bytes | None = None) -> Report:
    """Check a bundle. Raises Broken for what is none."""
    bundle = Bundle(path)
    try:
        return _Check(bundle, list(anchors), signer).run()
    finally:
        bundle.close()


class _Check:
    """One check of one bundle."""

    def __init__(self, bundle: Bundle, anchors: list[Anchor], signer: bytes | None) -> None:
        self.bundle = bundle
        self.anchors = anchors
        self.signer = signer
        self.report = Report()
        self.counts = {"shown": 0, "bare": 0, "withheld": 0, "gone": 0}
        self.policies: set[tuple[str, str]] = set()
        self.heard: set[tuple[str, str]] = set()

    def run(self) -> Report:
        said = self._manifest()
        for step in (self._files, self._chain, self._belongings):
            try:
                step(said)
            except Broken as error:
                self.report.problems.append(str(error))
        # What was changed is told before that something was: the seal only tells that.
        if not self.bundle.is_sealed():
            self.report.problems.append("the bundle is not as it was signed: the seal at its end does not fit")
        else:
            self.report.checked.insert(
                0, f"Every byte of the bundle is as the key {self.bundle.signer.hex()} signed it."
            )
        if self.signer is not None and self.signer != self.bundle.signer:
            self.report.problems.append("the bundle was signed with another key than the one that was given")
        return self.report

    def _manifest(self) -> dict[str, Any]:
        said = read_json(self.bundle.whole("manifest.json", MANIFEST_AT_MOST), "manifest.json")
        if count(said, "format", "manifest.json") != FORMAT:
            raise Broken("the bundle is of a form that this verifier does not know: take the one that is in it")
        return said

    def _files(self, said: dict[str, Any]) -> None:
        """Whether the files are those that the manifest names."""
        named = field(said, "files", dict, "manifest.json")
        for name in sorted(named.keys() ^ (self.bundle.members.keys() - {"manifest.json"})):
            self.report.problems.append(f"{name} is {'missing' if name in named else 'not in the manifest'}")
        for name in sorted(named.keys() & self.bundle.members.keys()):
            digest = hashlib.sha256()
            for some in self.bundle.parts(name):
                digest.update(some)
            if digest.hexdigest() != named[name]:
                self.report.problems.append(f"{name} was changed")
        if not self.report.problems:
            self.report.checked.append(f"Its {len(named)} files are those that the manifest names, unchanged.")

    # The chain.

    def _chain(self, said: dict[str, Any]) -> None:
        ledger, first = field(said, "ledger", str, "manifest.json"), count(said, "first", "manifest.json")
        begin = self._begin(first)
        self.roll = self.bundle.records("roll.bin")
        self.events = (read_event(raw, what) for what, raw in self.bundle.lines("events.jsonl"))
        self.next_event = next(self.events, None)
        self.ends: dict[bytes, tuple[int, bytes]] = {}
        self.mark = 0
        self.last_seq = 0
        before: Checkpoint | None = None
        seq = first - 1
        last = count(said, "last", "manifest.json")
        met = []
        for what, raw in self.bundle.lines("checkpoints.jsonl"):
            one = read_checkpoint(raw, what)
            if not self._follows(one, before, ledger):
                return
            if before is None and not begin and (one.number, one.before) != (1, ""):
                self.report.problems.append(f"checkpoint {one.number} stands where the first should")
                return
            if before is None and begin:
                seq = self._first(one, first)
            elif one.seq <= last:
                self._segment(seq + 1, one)
                if self.report.problems:
                    return
                seq = one.seq
            met.append((one.number, one.digest))
            before = one
        if seq != last:
            self.report.problems.append(f"the checkpoint that ends with event {last} is missing")
            return
        self._end(before, (first, last), met)

    def _begin(self, first: int) -> bool:
        """Whether the first checkpoint only says where the bundle begins."""
        if first < 1:
            raise Broken("manifest.json has no 'first' that is one")
        return first > 1

    def _first(self, one: Checkpoint, first: int) -> int:
        if one.seq != first - 1:
            self.report.problems.append(f"the checkpoint before event {first} is missing")
        return first - 1

    def _follows(self, one: Checkpoint, before: Checkpoint | None, ledger: str) -> bool:
        name = f"checkpoint {one.number}"
        if one.ledger != ledger:
            self.report.problems.append(f"{name} is of another ledger")
        elif one.signer != self.bundle.signer:
            self.report.problems.append(f"{name} was signed with another key than the bundle")
        elif before is not None and (
            one.number != before.number + 1 or one.before != before.digest.hex() or one.seq < before.seq
        ):
            self.report.problems.append(f"the checkpoint before {name} was changed, removed or inserted")
        return not self.report.problems

    def _segment(self, first: int, one: Checkpoint) -> None:
        """The events that a checkpoint adds."""
        if one.seq - first + 1 > ROLLED_AT_MOST:
            raise Broken(f"checkpoint {one.number} adds more events than one may")
        digest, heads = hashlib.sha256(), {hashed: writer for writer, (_, hashed) in one.heads.items()}
        seen: set[bytes] = set()
        for seq in range(first, one.seq + 1):
            record = next(self.roll, None)
            if record is None:
                self.report.problems.append(f"event {seq} was removed: roll.bin ends before it")
                return
            sign, hashed = record
            digest.update(hashed)
            if hashed in heads:
                seen.add(hashed)
            self._one(seq, sign, hashed)
            if self.report.problems:
                return
        if one.roll is None:
            self.report.not_shown.append(
                f"Checkpoint {one.number} is of the days before rolls: events {first} to {one.seq} are held by the"
                " links between them only, where these are shown."
            )
        elif digest.digest() != one.roll:
            self.report.problems.append(
                f"of the hashes of events {first} to {one.seq} one was changed, removed, inserted or moved: they are"
                f" not those that checkpoint {one.number} signed"
            )
        elif seen != heads.keys():
            self.report.problems.append(f"checkpoint {one.number} has the end of a chain that is not among its events")

    def _one(self, seq: int, sign: int, hashed: bytes) -> None:
        """An event of the roll, and what is shown of it."""
        event, problems = self.next_event, self.report.problems
        if sign == WITHHELD:
            self.counts["withheld"] += 1
            if event is not None and event.seq == seq:
                problems.append(f"{event.name} was inserted: the roll says that it is not shown")
            return
        if sign not in (SHOWN, BARE):
            problems.append(f"event {seq} has a sign in roll.bin that is none")
        elif event is None or event.seq > seq:
            there = "nothing" if event is None else event.name
            problems.append(f"event {seq} was removed: it should be shown, and {there} stands there")
        elif event.seq < seq:
            what = "moved" if event.seq <= self.last_seq else "inserted"
            problems.append(f"{event.name} was {what}: event {seq} should stand there")
        else:
            self._shown(event, sign == SHOWN, hashed)
        self.next_event = next(self.events, None)

    def _shown(self, event: Shown, with_content: bool, hashed: bytes) -> None:
        problems = self.report.problems
        end = self.ends.get(event.writer)
        if event.hash() != hashed:
            problems.append(f"{event.name} was changed: its hash is not that of what it holds")
        elif not event.fits() or (event.said is not None) != with_content:
            problems.append(f"{event.name} was changed: what it says is not what it was committed with")
        elif end is not None and event.n <= end[0]:
            problems.append(f"{event.name} was moved: it stands after {end[0]} of its writer")
        elif end is not None and event.n == end[0] + 1 and event.before != end[1]:
            problems.append(f"{event.name}, or the one of its writer before it, was changed: the two do not link")
        elif event.mark is not None and event.mark <= self.mark:
            problems.append(f"{event.name} was moved: its mark is {event.mark}, after {self.mark}")
        self.ends[event.writer] = event.n, hashed
        self.mark = event.mark or self.mark
        self.last_seq = event.seq
        body = event.said[1] if event.said is not None else None
        if body is not None and event.kind in (b"policy-loaded", b"notice", b"consent") and not problems:
            self._speaks(read_json(body, event.name), event.name)
        self.counts["shown" if with_content else "bare"] += 1
        self.counts["gone"] += event.is_gone()

    def _speaks(self, said: dict[str, Any], what: str) -> None:
        """Note which policy and prompts an event speaks of."""
        if "kept" in said:
            self.policies.add((field(said, "policy", str, what), field(said, "kept", str, what)))
        found = said.get("heard", said.get("prompts"))
        for played in found if isinstance(found, list) else ():
            if isinstance(played, dict) and len(self.heard) < FILES_AT_MOST:
                self.heard.add((str(played.get("sha256")), str(played.get("text"))))

    def _belongings(self, _: dict[str, Any]) -> None:
        """Whether policies, prompts and audio are those that the events speak of."""
        if self.report.problems:
            return
        for what, raw in self.bundle.lines("policies.jsonl"):
            policy = read_json(raw, what)
            named = field(policy, "version", str, what), field(policy, "digest", str, what)
            parts, others = field(policy, "parts", list, what), field(policy, "others", list, what)
            digests = [unhex({"digest": one}, "digest", what, 32) for one in others]
            digests += [hashlib.sha256(encoded({"part": part}, "part", what)).digest() for part in parts]
            if digests and (
                named not in self.policies or hashlib.sha256(b"".join(sorted(digests))).hexdigest() != named[1]
            ):
                self.report.problems.append(f"the policy {named[0][:80]} is not the one that the ledger names")
        for what, raw in self.bundle.lines("prompts.jsonl"):
            prompt = read_json(raw, what)
            if (field(prompt, "sha256", str, what), field(prompt, "text", str, what)) not in self.heard:
                self.report.problems.append(f"{what} has a prompt that no event of the bundle has")
        self._audio()
        if not self.report.problems:
            self.report.checked.append("Policies, prompts and their audio are those that these events name.")

    def _audio(self) -> None:
        for name in sorted(name for name in self.bundle.members if name.startswith("audio/")):
            digest = hashlib.sha256()
            for some in self.bundle.parts(name):
                digest.update(some)
            if name != f"audio/{digest.hexdigest()}.wav":
                self.report.problems.append(f"{name} is not the audio that its name says")

    def _end(self, last: Checkpoint | None, span: tuple[int, int], met: list[tuple[int, bytes]]) -> None:
        """What can only be said once everything was read."""
        problems = self.report.problems
        if last is None:
            problems.append("checkpoints.jsonl holds no checkpoint")
            return
        if self.next_event is not None:
            problems.append(f"{self.next_event.name} was inserted: the checkpoints end before it")
        if next(self.roll, None) is not None:
            problems.append(f"an event was inserted after {span[1]}: the checkpoints end before it")
        # Each checkpoint has the digest of the one before, so the last signature holds them all.
        if not is_signed(last.signer, last.statement, last.signature):
            problems.append(f"checkpoint {last.number} was changed: its signature does not fit")
        self._tell(span, met)
        self._hold(dict(met))

    def _hold(self, met: dict[int, bytes]) -> None:
        """Hold the checkpoints against the anchors that others kept."""
        held = 0
        for anchor in self.anchors:
            digest = met.get(anchor.number)
            if digest is not None and digest[:DIGEST_BYTES] == anchor.digest:
                held = max(held, anchor.number)
            elif digest is not None:
                self.report.problems.append(
                    f"the ledger is another than it was: checkpoint {anchor.number} is not the one of the anchor"
                    f" {anchor.line}"
                )
            elif anchor.number > max(met):
                self.report.problems.append(
                    f"the ledger was cut off: the anchor {anchor.line} is of checkpoint {anchor.number}, and the last"
                    f" here is {max(met)} (or that anchor is younger than the bundle)"
                )
            else:
                self.report.not_shown.append(
                    f"The anchor {anchor.line} is older than the first checkpoint here, {min(met)}: it was not used."
                )
        if held:
            self.report.checked.append(f"Checkpoint {held} is that of an anchor: whoever kept it holds all before it.")
        else:
            self.report.not_shown.append(
                "No anchor was held against it: whoever has the ledger's signing key could have made it all anew. Give"
                " the lines that others received (--anchor)."
            )

    def _tell(self, span: tuple[int, int], met: list[tuple[int, bytes]]) -> None:
        counts = self.counts
        tell = self.report.checked.append
        tell(f"Checkpoints {met[0][0]} to {met[-1][0]} follow each other, and the last one's signature fits.")
        tell(f"Events {span[0]} to {span[1]} are all there, in their order, by their hashes.")
        tell(f"{counts['shown']} events are shown; each is what its hash was made of, and says what was committed to.")
        if counts["gone"]:
            tell(f"Of these, {counts['gone']} no longer say anything: their time was over. Their places are proven.")
        if counts["bare"]:
            tell(f"{counts['bare']} events are shown without what they say: kind, time, call, controller are proven.")
        if counts["withheld"]:
            self.report.not_shown.append(
                f"{counts['withheld']} events are outside the selection. Their hashes bind what they are, and tell"
                " nothing of it: ask for any of them by its number, and it must have that hash."
            )
        self.report.not_shown.append(
            "Report, statistics, contracts, lists and revealed numbers are as the holder of the key signed them: the"
            " bundle proves that they were not changed since, not that they are true."
        )


# The command.


def read_anchors(paths: Iterable[Path]) -> list[Anchor]:
    """All lines of all files that are not empty, and the anchors of items as partners receive them. Raises Broken."""
    found = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
            lines = list(_told(json.loads(text))) if text.lstrip()[:1] in ("{", "[") else text.splitlines()
        except (OSError, ValueError, RecursionError):
            raise Broken(f"{path} cannot be read") from None
        anchors = [read_anchor(line) for line in lines if line.strip()]
        if not anchors:
            raise Broken(f"{path} holds no anchor")
        found += anchors
    return found


def _told(said: object) -> Iterator[str]:
    """What stands under `anchor` in a partner's JSON, however deep: one item, or a message with several."""
    if isinstance(said, dict) and isinstance(said.get("anchor"), str):
        yield said["anchor"]
    elif isinstance(said, (dict, list)):
        for inner in said.values() if isinstance(said, dict) else said:
            yield from _told(inner)


def print_report(report: Report, path: Path) -> None:
    """For a person."""
    say = sys.stdout.write
    for problem in report.problems:
        say(f"WRONG: {problem}\n")
    if report.problems:
        say(f"{path} is not what was committed and signed.\n")
        return
    say(f"{path} is what was committed and signed.\n\nWhat was checked:\n")
    for line in report.checked:
        say(f"  - {line}\n")
    say("\nWhat it does not show:\n")
    for line in report.not_shown:
        say(f"  - {line}\n")


def main(arguments: list[str] | None = None) -> int:
    """The command line; its exit code."""
    parser = argparse.ArgumentParser(description="Check a bundle of evidence that callgate exported.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument(
        "--anchor",
        type=Path,
        action="append",
        default=[],
        help="anchors, one a line, or a JSON item as partners receive it",
    )
    parser.add_argument("--signer", help="the ledger's public key, 64 hexadecimal digits, from elsewhere")
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    given = parser.parse_args(arguments)
    try:
        signer = unhex({"signer": given.signer}, "signer", "the command", 32) if given.signer else None
        report = verify(given.bundle, read_anchors(given.anchor), signer)
    except Broken as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    if given.json:
        said = {"ok": not report.problems, "problems": report.problems, "checked": report.checked}
        sys.stdout.write(json.dumps({**said, "not_shown": report.not_shown}, indent=2) + "\n")
    else:
        print_report(report, given.bundle)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
