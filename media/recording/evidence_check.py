"""Checking an evidence archive, offline and without trusting anything in it."""

from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from media.recording.errors import FormatError
from media.recording.evidence import (
    FILES,
    MANIFEST,
    MOST_ENTRIES,
    PUBLIC_KEY,
    REPORT,
    SIGNATURE,
    SIGNED_PREFIX,
    VERSION,
    Entry,
    Manifest,
    canonical,
    chain_fault,
    raw_public,
)

_MOST_MANIFEST_BYTES = 16 << 20
_MOST_REPORT_BYTES = 16 << 20
_PIECE_BYTES = 1 << 20


class Outcome(IntEnum):
    """Also the exit codes of `callserver verify`."""

    GENUINE = 0
    """Intact, and signed by the key that was given."""
    NOT_GENUINE = 1
    """Something is changed, missing, or signed by another key."""
    UNREADABLE = 2
    """Not an evidence archive, or not all of one."""
    UNKNOWN_SIGNER = 3
    """Intact, but nobody said whose key it must be."""


@dataclass
class Verdict:
    """What a check found."""

    outcome: Outcome
    faults: list[str] = field(default_factory=list)
    """One sentence each."""
    manifest: Manifest | None = None
    """What the archive says of itself; believe it only if the outcome allows."""


def check_archive(path: Path, key: Ed25519PublicKey | None) -> Verdict:
    """Check everything; `key`: whose signature it must be. Raises nothing that the file can cause."""
    try:
        with ZipFile(path) as archive:
            return _check(archive, path.stat().st_size, key)
    except OSError as error:
        return Verdict(Outcome.UNREADABLE, [f"the file cannot be read: {error.strerror or error}"])
    except (BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError):
        return Verdict(Outcome.UNREADABLE, ["this is not a whole zip file: it was cut off or damaged on the way"])


def load_public_key(data: bytes) -> Ed25519PublicKey:
    """A public key as PEM or 64 hexadecimal digits; raise FormatError."""
    try:
        text = data.decode("ascii").strip()
        if len(text) == 64:
            return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
        key = load_pem_public_key(data)
    except (ValueError, TypeError) as error:
        raise FormatError("this is not an Ed25519 public key in PEM or hexadecimal digits") from error
    if not isinstance(key, Ed25519PublicKey):
        raise FormatError("this is a key of another kind; expected Ed25519")
    return key


def _check(archive: ZipFile, file_bytes: int, key: Ed25519PublicKey | None) -> Verdict:
    members = {info.filename: info for info in archive.infolist()}
    problem = _shape_problem(archive.infolist(), members, file_bytes)
    if problem is not None:
        return Verdict(Outcome.UNREADABLE, [problem])
    raw = _read(archive, members[MANIFEST], _MOST_MANIFEST_BYTES)
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
        signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(manifest.public_key))
    except (msgspec.DecodeError, ValueError):
        return Verdict(Outcome.UNREADABLE, ["the manifest cannot be understood"])
    if manifest.header.version != VERSION:
        return Verdict(Outcome.UNREADABLE, [f"evidence of version {manifest.header.version} is unknown here"])
    faults = list(_signature_faults(raw, _read(archive, members[SIGNATURE], 64), signer, key))
    if canonical(manifest) != raw:
        faults.append("the manifest says more than this version of callserver understands, or is not in its form")
    fault = chain_fault(manifest.header, manifest.entries)
    if fault is not None:
        faults.append(fault)
    head = manifest.entries[-1].hash if manifest.entries else None
    if head is not None and head != manifest.head:
        faults.append("entries at the end of the chain are missing")
    faults += _file_faults(archive, members, manifest)
    if faults:
        return Verdict(Outcome.NOT_GENUINE, faults, manifest)
    return Verdict(Outcome.UNKNOWN_SIGNER if key is None else Outcome.GENUINE, [], manifest)


def _shape_problem(listed: list[ZipInfo], members: dict[str, ZipInfo], file_bytes: int) -> str | None:
    """Why the zip cannot be one of ours; what is ours is stored, so nothing can be larger than the file."""
    missing = [name for name in (MANIFEST, SIGNATURE, PUBLIC_KEY, REPORT) if name not in members]
    if missing:
        return f"this is not evidence of a call: {', '.join(missing)} is missing"
    if len(listed) != len(members) or len(listed) > MOST_ENTRIES + 4:
        return "the zip file lists a name twice, or too many"
    if any(info.compress_type != ZIP_STORED or info.flag_bits & 1 for info in listed):
        return "the zip file is packed or encrypted, which evidence never is"
    if sum(info.file_size for info in listed) > file_bytes:
        return "the zip file claims to hold more than it can"
    return None


def _read(archive: ZipFile, info: ZipInfo, most: int) -> bytes:
    if info.file_size > most:
        raise BadZipFile(info.filename)
    return archive.read(info)


def _signature_faults(
    manifest: bytes, signature: bytes, signer: Ed25519PublicKey, key: Ed25519PublicKey | None
) -> list[str]:
    faults = []
    if key is not None and raw_public(key) != raw_public(signer):
        faults.append(f"it is signed with another key than the one given: {raw_public(signer).hex()}")
    try:
        signer.verify(signature, SIGNED_PREFIX + manifest)
    except InvalidSignature:
        faults.append("the signature does not fit the manifest: the manifest was changed after signing")
    return faults


def _file_faults(archive: ZipFile, members: dict[str, ZipInfo], manifest: Manifest) -> list[str]:
    faults = []
    expected = {FILES + entry.file: entry for entry in manifest.entries if entry.file}
    for name, entry in expected.items():
        info = members.get(name)
        fault = f"{name} is missing" if info is None else _content_fault(archive, info, entry)
        if fault is not None:
            faults.append(fault)
    known = {*expected, MANIFEST, SIGNATURE, PUBLIC_KEY, REPORT}
    faults += [f"{name[:120]!r} does not belong to the evidence" for name in members if name not in known]
    report = sha256(_read(archive, members[REPORT], _MOST_REPORT_BYTES)).hexdigest()
    if report != manifest.report_sha256:
        faults.append("the report was changed")
    return faults


def _content_fault(archive: ZipFile, info: ZipInfo, entry: Entry) -> str | None:
    if info.file_size != entry.size_bytes:
        return f"{info.filename} was changed: it has {info.file_size} bytes instead of {entry.size_bytes}"
    digest = sha256()
    try:
        with archive.open(info) as content:
            while piece := content.read(_PIECE_BYTES):
                digest.update(piece)
    except (BadZipFile, EOFError):
        return f"{info.filename} was changed or is damaged"
    return None if digest.hexdigest() == entry.sha256 else f"{info.filename} was changed"
