"""Writing evidence as one archive; its shape is told in `evidence.py`."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from media.recording.errors import FormatError
from media.recording.evidence import (
    FILES,
    MANIFEST,
    PUBLIC_KEY,
    REPORT,
    SIGNATURE,
    Chain,
    Entry,
    Manifest,
    Signer,
    canonical,
    digest_of,
)
from media.recording.evidence_report import build_report

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Times stand in the manifest; zip's have no zone."""


def write_archive(
    out: Path, chain: Chain, files: Iterable[tuple[str, Iterable[bytes]]], signer: Signer, exported_at: float
) -> None:
    """Write the archive; `files` gives the content of every file the chain names. Raise FormatError if one is missing
    or is not what was hashed, OSError if it cannot be written."""
    wanted = {entry.file: entry for entry in chain.entries if entry.file}
    report = build_report(chain, signer.public_hex, exported_at).encode()
    manifest = canonical(
        Manifest(
            chain.header,
            tuple(chain.entries),
            chain.head,
            sha256(report).hexdigest(),
            signer.public_hex,
            exported_at,
        )
    )
    unfinished = out.with_name(f".{out.name}.part")
    try:
        with ZipFile(unfinished, "w", ZIP_STORED) as archive:
            for name, content in (
                (MANIFEST, manifest),
                (SIGNATURE, signer.sign(manifest)),
                (PUBLIC_KEY, signer.public_pem),
                (REPORT, report),
            ):
                archive.writestr(ZipInfo(name, _ZIP_TIME), content)
            for name, pieces in files:
                _store(archive, name, pieces, wanted.pop(name, None))
        if wanted:
            raise FormatError(f"files of the chain are missing: {', '.join(sorted(wanted))}")
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def _store(archive: ZipFile, name: str, pieces: Iterable[bytes], entry: Entry | None) -> None:
    if entry is None:
        raise FormatError(f"{name!r} is not in the chain, or was given twice")
    with archive.open(ZipInfo(FILES + name, _ZIP_TIME), "w", force_zip64=True) as target:

        def copied() -> Iterator[bytes]:
            for piece in pieces:
                target.write(piece)
                yield piece

        digest, size = digest_of(copied())
    if (digest, size) != (entry.sha256, entry.size_bytes):
        raise FormatError(f"{name} is not what it was when it was put into the chain")
