"""The process of one job: `python -m callserver.recordings.work`, an order on standard input, reports on the output."""

import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec

from callserver.recordings.orders import EvidenceOrder, ExportOrder, Film, Order, Report, private_directory
from media.errors import MediaError
from media.recording.evidence import Chain, load_or_create_signer
from media.recording.evidence_archive import write_archive
from media.recording.export import Mp4Export
from media.recording.export_sound import Cleaner
from media.recording.reader import RecordingReader

NICENESS = 10
"""Calls come first."""
PIECE_BYTES = 256 * 1024


def main() -> int:
    os.nice(NICENESS)
    os.umask(0o077)  # what is made is not encrypted: it is the owner's alone
    order: Order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    try:
        private_directory(Path(order.out).parent)
        if isinstance(order, ExportOrder):
            _export(order)
        else:
            _prove(order)
    except (MediaError, OSError) as error:
        _say(Report(reason=str(error)[:500]))
        return 1
    return 0


def _export(order: ExportOrder) -> None:
    reader = _open(order.film)
    try:
        film = Mp4Export(reader, Path(order.out), clean=clean_voice if order.clean_voice else None)
        for progress in film.run():
            _say(Report(progress))
    finally:
        reader.close()


def clean_voice() -> Cleaner:
    """What a film's voice goes through when that is wanted. Raise CodecError without the extra `voice`."""
    from media.codecs.clean_voice import CleanVoice

    return CleanVoice(noise=True, level=True)


def _prove(order: EvidenceOrder) -> None:
    """Hash everything into the chain in the order of time, then store it: each content is read twice."""
    chain = Chain(order.header)
    files: list[tuple[str, Iterable[bytes]]] = []
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, order.folder, ignore_errors=True)
        for item in order.items:
            if not item.name:
                chain.add_event(item.wall_time, item.text)
                continue
            chain.add_file(item.kind, item.wall_time, item.text, item.name, "image/jpeg", _pieces(Path(item.path)))
            files.append((item.name, _pieces(Path(item.path))))
        for number, film in enumerate(order.films, 1):
            reader = _open(film)
            stack.callback(reader.close)
            for side in reader.info.sides:
                name = f"recording-{number}-{side}.webm"
                text = f"recording {number}, side {side}: {reader.info.recorded_seconds:.1f} seconds"
                view = reader.view(side)
                began = film.began_at or reader.info.wall_time
                chain.add_file("recording", began, text, name, view.content_type, view.stream())
                files.append((name, reader.view(side).stream()))
            _say(Report(0.5 * number / len(order.films)))
        signer = load_or_create_signer(Path(order.signer), secrets.token_bytes)
        write_archive(Path(order.out), chain, files, signer, order.exported_at)
    _say(Report(1.0))


def _open(film: Film) -> RecordingReader:
    return RecordingReader.open(Path(film.path), film.key)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _say(report: Report) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
