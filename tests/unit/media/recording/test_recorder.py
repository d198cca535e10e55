"""What was recorded is what was sent: numbered pictures and tones at whole seconds, decoded and compared."""

import errno
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from callserver.bench.recorded_call import Clocks, Link, Numbering, Page, Tapped
from callserver.bench.recorded_content import beginnings, heard_offsets, loudness, pictures, shown_offsets
from media.errors import DISK_FULL
from media.recording.errors import RecordingError
from media.recording.reader import RecordingInfo, RecordingReader
from media.recording.recorder import Recorder, RecorderState
from tests.sim.recorded import KEY, play_into, record, side_of, spec

SYNC_MS = 40


def customer(ends: float = 6.0, **options: object) -> Page:
    return Page("c", pictures=Numbering(), ends=ends, **options)  # type: ignore[arg-type]


def agent(ends: float = 6.0, **options: object) -> Page:
    return Page("a", pictures=Numbering(96, 64), ends=ends, seed=2, hz=600, **options)  # type: ignore[arg-type]


def known(path: Path) -> RecordingInfo:
    with RecordingReader.open(path, KEY) as reader:
        return reader.info


def in_sync(data: bytes, hz: int = 1_000) -> None:
    shown, heard = shown_offsets(data), heard_offsets(data, hz)
    assert len(shown.keys() & heard.keys()) > 1
    assert max(abs(heard[second] - shown[second]) for second in shown.keys() & heard.keys()) < SYNC_MS


def test_every_picture_and_every_tone_of_both_sides_is_there_and_in_time(tmp_path: Path) -> None:
    summary = record(tmp_path / "r.rec", customer(), agent())
    assert summary.complete
    assert summary.counters["pictures_left_out"] == 0
    for side, hz, width in (("customer", 1_000, 64), ("agent", 600, 96)):
        data = side_of(tmp_path / "r.rec", side)
        shown = pictures(data)
        assert [number for _, number, _, _ in shown] == list(range(60))
        assert {size for *_, size, _ in shown} == {width}
        assert len(beginnings(data, hz)) == 5
        in_sync(data, hz)
        other = 1_600 - hz
        assert loudness(data, other).max() < 0.02


def test_drift_loss_and_jitter_leave_voice_and_picture_together(tmp_path: Path) -> None:
    clocks = Clocks(wall_ppm=-160, sound_ppm=200, report_jitter=0.01)
    page = customer(30.0, clocks=clocks, link=Link(loss=0.05, jitter=0.02))
    summary = record(tmp_path / "r.rec", page)
    data = side_of(tmp_path / "r.rec", "customer")
    in_sync(data)
    shown = pictures(data)
    assert summary.counters["pictures_left_out"] > 0
    assert len(shown) > 250
    numbers = [number for _, number, _, _ in shown]
    assert numbers == sorted(set(numbers)), "a picture that refers to a lost one would show another number"


def test_a_page_opened_again_goes_on_in_the_same_tracks(tmp_path: Path) -> None:
    """New SSRCs, new numbers and timestamps, another wall clock."""
    recorder = Recorder(spec(tmp_path / "r.rec", sides={"c": "customer", "c2": "customer"}), 0.0)
    play_into(recorder, [customer(4.0)])
    again = Page("c", pictures=Numbering(), seed=9, begins=5.0, ends=9.0, clocks=Clocks(wall=1e9))
    play_into(recorder, [again])
    third = Page("c2", pictures=Numbering(), seed=10, begins=11.0, ends=14.0)
    recorder.close(play_into(recorder, [third]))
    data = side_of(tmp_path / "r.rec", "customer")
    in_sync(data)
    assert {number for _, number, _, _ in pictures(data)} == {*range(40), *range(50, 90), *range(110, 140)}
    assert len(beginnings(data)) == 3 + 4 + 3


def test_two_legs_of_one_side_are_never_mixed(tmp_path: Path) -> None:
    recorder = Recorder(spec(tmp_path / "r.rec", sides={"c": "customer", "d": "customer"}), 0.0)
    play_into(recorder, [customer(4.0), Page("d", pictures=None, seed=7, ends=4.0, hz=600)])
    summary = recorder.close(4.2)
    assert summary.counters["contended"] > 150
    assert loudness(side_of(tmp_path / "r.rec", "customer"), 600).max() < 0.02


def test_a_change_of_resolution_plays(tmp_path: Path) -> None:
    page = customer(6.0)

    def turn(_: float) -> None:
        page.pictures = Numbering(128, 96)
        page.key_wanted = True

    recorder = Recorder(spec(tmp_path / "r.rec"), 0.0)
    recorder.close(play_into(recorder, [page], at={3.0: turn}))
    shown = pictures(side_of(tmp_path / "r.rec", "customer"))
    assert [number for _, number, _, _ in shown] == list(range(60))
    assert {(width, height) for _, _, width, height in shown} == {(64, 64), (128, 96)}


def test_silence_for_long_leaves_no_hole_for_a_player_to_close(tmp_path: Path) -> None:
    """Hold, mute or an outage: nothing comes for seconds."""
    recorder = Recorder(spec(tmp_path / "r.rec"), 0.0)
    play_into(recorder, [customer(20.0)], hole=(4.5, 13.2))
    recorder.close(20.1)
    data = side_of(tmp_path / "r.rec", "customer")
    in_sync(data)
    assert [round(begin) for begin in beginnings(data)] == [1, 2, 3, 4, *range(14, 20)]


def test_nothing_of_a_pause_is_in_the_file(tmp_path: Path) -> None:
    """Not a packet that was captured while it was paused, nor one that refers to such or carries it again."""
    page = customer(12.0, link=Link(jitter=0.03, loss=0.05))
    recorder = Recorder(spec(tmp_path / "r.rec"), 0.0)
    secret: set[bytes] = set()
    said: set[bytes] = set()
    """Elsewhere: all silent packets are alike."""

    def keep(packet: Tapped) -> None:
        captured = packet.arrival - 0.06  # at the latest
        inside = packet.arrival >= 4.0 and captured < 8.5
        (secret if inside else said).add(packet.payload[4:] if packet.kind == "video" else packet.payload)

    play_into(recorder, [page], at={4.0: recorder.pause, 8.5: recorder.resume}, each=keep)
    summary = recorder.close(12.1)
    assert summary.seconds == pytest.approx(7.6)
    data = side_of(tmp_path / "r.rec", "customer")
    numbers = [number for _, number, _, _ in pictures(data)]
    assert not [number for number in numbers if 40 <= number < 85]
    assert max(numbers) == 119
    assert [round(begin) for begin in beginnings(data)] == [1, 2, 3, 9, 10, 11]
    in_sync(data)
    before = max(number for number in numbers if number < 40)
    assert before >= 36
    assert len(secret - said) > 60
    assert [payload for payload in secret - said if payload in data] == []
    info = known(tmp_path / "r.rec")
    assert [event.kind for event in info.events] == ["paused", "resumed", "stopped"]
    assert info.recorded_seconds == pytest.approx(7.6)


def test_audio_only_keeps_voices(tmp_path: Path) -> None:
    record(tmp_path / "r.rec", customer(3.0), agent(3.0), audio_only=True)
    with RecordingReader.open(tmp_path / "r.rec", KEY) as reader:
        tracks = [(track.side, track.kind) for track in reader.info.tracks]
        assert tracks == [("customer", "audio"), ("agent", "audio")]
        assert reader.view("agent").content_type == "audio/webm"
    assert len(beginnings(side_of(tmp_path / "r.rec", "agent"), 600)) == 2


def test_a_side_that_comes_late_begins_at_the_same_zero(tmp_path: Path) -> None:
    late = Page("a", pictures=Numbering(), seed=2, begins=5.33, ends=9.0)
    record(tmp_path / "r.rec", customer(9.0), late)
    data = side_of(tmp_path / "r.rec", "agent")
    in_sync(data)
    assert [round(begin) for begin in beginnings(data)] == [6, 7, 8]


def test_events_are_kept_with_call_time_and_wall_clock(tmp_path: Path) -> None:
    recorder = Recorder(spec(tmp_path / "r.rec"), 100.0)
    recorder.event("consent", 101.5, "by voice")
    recorder.close(102.0, "the call ended")
    events = known(tmp_path / "r.rec").events
    assert [(event.kind, event.time_ms, event.text) for event in events] == [
        ("consent", 1500, "by voice"),
        ("stopped", 2000, "the call ended"),
    ]
    assert events[0].wall_time == pytest.approx(1_700_000_001.5)


class SmallDisk:
    """A sink that is full after so many bytes."""

    def __init__(self, path: Path, room: int) -> None:
        self.file = path.open("wb", buffering=0)
        self.room = room

    def write(self, data: bytes) -> None:
        fits = data[: max(0, self.room - self.file.tell())]
        self.file.write(fits)
        if len(fits) < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")

    def truncate(self, size: int) -> None:
        self.file.truncate(size)
        self.file.seek(size)

    def sync(self) -> None:
        pass

    def close(self) -> None:
        self.file.close()


def test_a_full_disk_is_told_and_what_was_written_plays(tmp_path: Path) -> None:
    path = tmp_path / "r.rec"
    sink = SmallDisk(path, 12_000)
    recorder = Recorder(spec(path), 0.0, sink=sink)
    play_into(recorder, [customer(10.0)])
    assert recorder.state == RecorderState.FAILED
    assert recorder.failure == DISK_FULL
    assert sink.file.closed
    recorder.pause(11.0)
    recorder.resume(11.0)
    recorder.event("mark", 11.0)
    summary = recorder.close(11.0)
    assert summary.reason == DISK_FULL
    assert 2.0 < summary.seconds < 9.0
    shown = pictures(side_of(path, "customer"))
    assert [number for _, number, _, _ in shown] == list(range(len(shown)))
    assert len(shown) > 20


def test_a_file_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "r.rec").write_bytes(b"somebody else's")
    with pytest.raises(FileExistsError):
        Recorder(spec(tmp_path / "r.rec"), 0.0)
    with pytest.raises(OSError, match="No space"):
        Recorder(spec(tmp_path / "s.rec"), 0.0, sink=SmallDisk(tmp_path / "s.rec", 20))


def test_a_killed_recorder_loses_a_second_at_most(tmp_path: Path) -> None:
    path = tmp_path / "r.rec"
    recorder = Recorder(spec(path), 0.0)
    for item in customer(7.0, link=Link(loss=0.05)).traffic():
        if isinstance(item, Tapped):
            recorder.packet(*item)
        if item.arrival > 2.0:
            assert item.arrival - known(path).seconds < 1.0
    assert not known(path).complete
    assert "cut off" in (known(path).problem or "")
    numbers = [number for _, number, _, _ in pictures(side_of(path, "customer"))]
    assert numbers[0] == 0
    recorder.close(7.1)


def test_what_cannot_be_recorded_is_counted(tmp_path: Path) -> None:
    recorder = Recorder(spec(tmp_path / "r.rec"), 0.0)
    recorder.packet("c", "video", "av1", 1, 1, 1, 0.0, True, b"x")
    recorder.packet("c", "data", "opus", 1, 1, 1, 0.0, True, b"x")
    for leg in range(100):
        recorder.packet(f"leg{leg}", "audio", "opus", 1, 1, 1, 0.0, False, b"\xf8\xff\xfe")
    assert 60 < recorder.close(1.0).counters["refused"] < 100


def test_nothing_recorded_is_no_crash(tmp_path: Path) -> None:
    Recorder(spec(tmp_path / "r.rec"), 0.0).close(1.0)
    assert known(tmp_path / "r.rec").complete
    with RecordingReader.open(tmp_path / "r.rec", KEY) as reader, pytest.raises(RecordingError):
        reader.view()


def test_key_pictures_are_wished_for_when_they_are_needed_and_now_and_then(tmp_path: Path) -> None:
    """At once while nothing can be kept; later for seeking, by what was sent, or after two minutes."""
    recorder = Recorder(spec(tmp_path / "r.rec"), 0.0)
    key, delta = b"\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01", b"\x11" + bytes(9_999)
    wished: list[float] = []
    keys_at = {2.0, 25.0, 60.0}
    for number in range(2_000):
        now = number / 10
        size = 10_000 if now < 50 else 100
        payload = b"\x10" + (key if now in keys_at else delta[:size])
        recorder.packet("c", "video", "vp8", 1, number, number * 9_000, now, True, payload)
        recorder.poll(now)
        wished += [now for _ in recorder.take_key_frame_wishes(now)]
    recorder.close(200.0)
    assert wished[:2] == [0.0, 1.0]
    assert [second for second in wished if 2.0 <= second < 25.0] == [22.0, 23.0, 24.0]
    assert [second for second in wished if 26.0 <= second < 60.0] == list(range(45, 60))
    assert min(second for second in wished if second > 61.0) == pytest.approx(180.0, abs=0.2)


@pytest.mark.parametrize(("profile", "size"), [("baseline", (64, 64)), ("high", (96, 72))])
def test_h264_is_recorded_as_it_was_sent(tmp_path: Path, profile: str, size: tuple[int, int]) -> None:
    """Encoded by x264, cut into FU-A like a browser does, decoded from the side's Matroska."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base, encoder.bit_rate = "yuv420p", Fraction(1, 10), 300_000
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": profile, "g": "10"}
    recorder = Recorder(spec(tmp_path / "r.rec"), 0.0)
    sequence = 0
    for number in range(30):
        frame = av.VideoFrame.from_ndarray(np.full((size[1] * 3 // 2, size[0]), 16 + 7 * number, np.uint8), "yuv420p")
        frame.pts = number
        for packet in encoder.encode(frame):
            payloads = list(cut_h264(bytes(packet)))
            for at, payload in enumerate(payloads):
                sequence += 1
                last = at == len(payloads) - 1
                recorder.packet("c", "video", "h264", 5, sequence, number * 9_000, number / 10, last, payload)
    recorder.close(3.1)
    with RecordingReader.open(tmp_path / "r.rec", KEY) as reader:
        assert (reader.info.tracks[0].width, reader.info.tracks[0].height) == size
        assert reader.view("customer").content_type == "video/x-matroska"
    shown = []
    with av.open(io.BytesIO(side_of(tmp_path / "r.rec", "customer")), "r") as container:
        for picture in container.decode(video=0):
            assert (picture.width, picture.height) == size
            shown.append((picture.time, int(picture.to_ndarray()[0, 0])))
    assert [round((luma - 16) / 7) for _, luma in shown] == list(range(30))
    assert [time for time, _ in shown] == pytest.approx([number / 10 for number in range(30)], abs=0.002)


def cut_h264(stream: bytes) -> Iterator[bytes]:
    """RTP payloads of an Annex B stream: single NAL units, or FU-A of 40 bytes (RFC 6184 §5.8)."""
    for unit in filter(None, re.split(rb"\x00\x00\x00?\x01", stream)):
        if len(unit) <= 40:
            yield unit
            continue
        pieces = [unit[at : at + 40] for at in range(1, len(unit), 40)]
        for at, piece in enumerate(pieces):
            flags = (0x80 if at == 0 else 0) | (0x40 if at == len(pieces) - 1 else 0)
            yield bytes((unit[0] & 0xE0 | 28, flags | unit[0] & 0x1F)) + piece


def test_kill_9_leaves_what_was_written_until_a_second_ago(tmp_path: Path) -> None:
    program = f"""
import os, signal, sys
from pathlib import Path
from callserver.bench.recorded_call import Numbering, Page, Tapped
from media.recording.recorder import Recorder
from tests.sim.recorded import spec
recorder = Recorder(spec(Path({str(tmp_path / "r.rec")!r})), 0.0)
for item in Page("c", pictures=Numbering(), ends=9.0).traffic():
    if isinstance(item, Tapped):
        recorder.packet(*item)
    if item.arrival > 6.0:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).parents[4]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == -9
    info = known(tmp_path / "r.rec")
    assert not info.complete
    assert 5.0 < info.seconds < 6.0
    assert {number for _, number, _, _ in pictures(side_of(tmp_path / "r.rec", "customer"))} >= set(range(49))
