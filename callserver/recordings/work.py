"""The process of one job: `python -m callserver.recordings.work`, an order on standard input, reports on the output."""

import os
import sys
from pathlib import Path

import msgspec

from callserver.recordings.orders import ExportOrder, Order, Report
from media.errors import MediaError
from media.recording.export import Mp4Export
from media.recording.reader import RecordingReader

NICENESS = 10
"""Calls come first."""


def main() -> int:
    os.nice(NICENESS)
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    try:
        _export(order)
    except (MediaError, OSError) as error:
        _say(Report(reason=str(error)[:500]))
        return 1
    return 0


def _export(order: ExportOrder) -> None:
    Path(order.out).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    reader = RecordingReader.open(Path(order.path), order.key)
    try:
        for progress in Mp4Export(reader, Path(order.out)).run():
            _say(Report(progress))
    finally:
        reader.close()


def _say(report: Report) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
