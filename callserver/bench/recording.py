"""`callserver bench recording`: what recording costs, and how far voice and picture part in half an hour."""

import os
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from callserver.bench.recorded_call import Clocks, Link, Numbering, Page, Report, Tapped
from callserver.bench.recorded_content import heard_offsets, shown_offsets
from media.recording.reader import RecordingReader
from media.recording.recorder import Recorder, RecorderSpec

_POLL_SECONDS = 0.1
_VIDEO_BYTES = 1_100
_PACKETS_A_PICTURE = 4
_KEY_SECONDS = 20


class CostReport(msgspec.Struct, frozen=True):
    """The writer's side, as the codec worker calls it."""

    recordings: int
    seconds: float
    """Of media."""
    packets: int
    us_per_packet: float
    """CPU of this process by packet: order, assembly, time line, encryption, writing, flushing."""
    core_share: float
    """Of one core at the pace of real calls."""
    megabytes: float
    slowest_call_ms: float
    """The longest a packet (on average over the recordings) or a poll took, waiting for the disk included."""


class SyncReport(msgspec.Struct, frozen=True):
    """Decoded from the recording: when numbered pictures and tones come, against when they were captured."""

    minutes: float
    loss: float
    drift_ppm: float
    pictures: int
    tones: int
    error_ms_p50: float
    error_ms_p99: float
    error_ms_max: float
    """Voice against picture, over the seconds of the call whose tone and some picture came through whole."""


class RecordingReport(msgspec.Struct, frozen=True):
    cost: CostReport
    sync: SyncReport


def run(recordings: int, seconds: float, minutes: float) -> RecordingReport:
    """Both measurements; files lie in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="callserver-bench-") as folder:
        return RecordingReport(cost(Path(folder), recordings, seconds), sync(Path(folder), minutes))


def cost(folder: Path, recordings: int, seconds: float) -> CostReport:
    """Feed so many recordings of two sides each, 30 pictures and 50 packets of voice a second a side."""
    traffic = [item for leg in ("c", "a") for item in _leg_traffic(leg, seconds)]
    traffic.sort(key=lambda item: item.arrival)
    recorders = [Recorder(_spec(folder / f"cost{number}.rec"), 0.0) for number in range(recordings)]
    slowest = 0.0
    polled = 0.0
    before = time.process_time()
    for item in traffic:
        began = time.perf_counter()
        for recorder in recorders:
            if isinstance(item, Tapped):
                recorder.packet(*item)
            else:
                recorder.sender_report(*item)
        slowest = max(slowest, (time.perf_counter() - began) / recordings)
        if item.arrival - polled >= _POLL_SECONDS:
            polled = item.arrival
            for recorder in recorders:
                began = time.perf_counter()
                recorder.poll(polled)
                slowest = max(slowest, time.perf_counter() - began)
    summaries = [recorder.close(seconds) for recorder in recorders]
    spent = time.process_time() - before
    packets = recordings * sum(1 for item in traffic if isinstance(item, Tapped))
    return CostReport(
        recordings,
        seconds,
        packets,
        round(spent / packets * 1e6, 2),
        round(spent / seconds, 4),
        round(sum(summary.size_bytes for summary in summaries) / 1e6, 1),
        round(slowest * 1000, 2),
    )


def _leg_traffic(leg_id: str, seconds: float) -> list[Tapped | Report]:
    """Packets of the size and rhythm of a 1 Mbit/s camera and a 32 kbit/s voice; contents are noise behind a valid
    head, with every hundredth packet late by 80 ms and some lost."""
    page = Page(leg_id, pictures=None, ends=0.0, link=Link(jitter=1e-6))
    noise = os.urandom(_VIDEO_BYTES)
    out: list[Tapped | Report] = []
    for index in range(int(seconds * 30)):
        at = index / 30
        key = index % (30 * _KEY_SECONDS) == 0
        head = b"\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01" if key else b"\x11"
        picture = head + noise * _PACKETS_A_PICTURE
        out += page.send(
            "video", "vp8", int(at * 90_000), at, page.payloads(picture[: _VIDEO_BYTES * _PACKETS_A_PICTURE])
        )
    for index in range(int(seconds * 50)):
        out += page.send("audio", "opus", index * 960, index / 50, [b"\x78" + noise[:80]])
    return [
        item._replace(arrival=item.arrival + 0.08) if isinstance(item, Tapped) and item.sequence % 100 == 7 else item
        for item in out
    ]


def sync(folder: Path, minutes: float, *, loss: float = 0.05, drift_ppm: float = 100.0) -> SyncReport:
    """Record a call with loss, jitter and drifting clocks in virtual time, decode it and compare."""
    path = folder / "sync.rec"
    seconds = minutes * 60
    page = Page(
        "c",
        pictures=Numbering(),
        ends=seconds,
        clocks=Clocks(wall_ppm=-drift_ppm / 2, sound_ppm=drift_ppm),
        link=Link(loss=loss),
    )
    recorder = Recorder(_spec(path), 0.0)
    polled = now = 0.0
    for item in page.traffic():
        now = item.arrival
        if isinstance(item, Tapped):
            recorder.packet(*item)
        else:
            recorder.sender_report(*item)
        if now - polled >= _POLL_SECONDS:
            polled = now
            recorder.poll(now)
            page.key_wanted = bool(recorder.take_key_frame_wishes(now)) or page.key_wanted
    recorder.close(now)
    with RecordingReader.open(path, _spec(path).data_key) as reader:
        data = b"".join(reader.view("c").stream())
    shown = shown_offsets(data)
    heard = heard_offsets(data)
    errors = [abs(offset - shown[second]) for second, offset in heard.items() if second in shown]
    return SyncReport(
        minutes,
        loss,
        drift_ppm,
        len(shown),
        len(heard),
        *(round(float(value), 1) for value in np.percentile(errors, [50, 99, 100])),
    )


def _spec(path: Path) -> RecorderSpec:
    return RecorderSpec(path.stem, "bench", path, bytes(32), os.urandom(16), time.time())
