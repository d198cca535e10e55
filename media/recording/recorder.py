"""Recording a call as it is sent: tapped packets in, one encrypted file out, nothing decoded.

Not for the packet path: `packet` costs some µs and now and then a write to disk, so it belongs into the codec worker.
"""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import msgspec

from media.errors import why_not_written
from media.recording import tracks
from media.recording.chunks import FILE_SALT_BYTES, ChunkWriter, FileSink, Identity, Sink
from media.recording.container import Container
from media.recording.ebml import Block
from media.recording.keys import KEY_BYTES
from media.recording.layout import Description, Event
from media.recording.timeline import LegClock
from media.recording.tracks import MOST_TRACKS, PictureStream, Stream, Track, VoiceStream

CLUSTER_SECONDS = 0.4
"""How often a cluster is written: with the patience for late packets (0.5 s), a crash costs a second at most."""
SYNC_SECONDS = 1.0
_MOST_WAITING_BYTES = 1 << 20
_SKEW_MS = 50.0
"""Blocks this fresh wait for those of the other tracks, so that a file is in the order of time."""
_QUIET_SECONDS = 2.0
"""A voice that has not been heard for so long goes on as silence."""
_QUIET_MARGIN_SECONDS = 1.0
_MOST_LEGS = 16


class RecorderSpec(msgspec.Struct, frozen=True):
    """What is recorded, and where."""

    recording_id: str
    call_id: str
    path: Path
    data_key: bytes
    file_salt: bytes
    """16 bytes, random, new for each file."""
    wall_time: float
    """Unix seconds, at the moment the recorder is made."""
    part: int = 1
    audio_only: bool = False
    sides: dict[str, str] = {}
    """leg_id -> side (`customer`, `agent`); a leg that is not listed is a side by its id."""

    def __repr__(self) -> str:
        return f"RecorderSpec({self.recording_id!r}, {str(self.path)!r}, part={self.part})"


class RecorderState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    CLOSED = "closed"
    FAILED = "failed"


class Summary(msgspec.Struct, frozen=True):
    """How a recording ended."""

    recording_id: str
    reason: str
    seconds: float
    """Recorded, without pauses."""
    size_bytes: int
    complete: bool
    """The file was closed with its index."""
    counters: dict[str, int]


class Recorder:
    """One file of a recording. Nothing that peers or disks do raises; see `failure`."""

    def __init__(self, spec: RecorderSpec, now: float, *, sink: Sink | None = None) -> None:
        """Begin the file at `spec.path`, which must not exist. Raise OSError if it cannot be made, ValueError for keys
        of a wrong length. `sink` takes the bytes instead of a FileSink."""
        if len(spec.data_key) != KEY_BYTES or len(spec.file_salt) != FILE_SALT_BYTES:
            raise ValueError("a recording needs a key of 32 bytes and a salt of 16")
        self._began = now
        self._wall_time = spec.wall_time
        self._audio_only = spec.audio_only
        self._id = spec.recording_id
        self._sides = dict(spec.sides)
        self._clocks: dict[str, LegClock] = {}
        self._streams: dict[tuple[str, str], Stream] = {}
        self._tracks: dict[tuple[str, str, str], Track] = {}
        self._cluster_at = self._sync_at = now
        self._recorded = 0.0
        self._running_since = self._latest = now
        self._complete = False
        self._counters = {"packets": 0, "refused": 0, "contended": 0}
        self.state = RecorderState.RUNNING
        self.failure: str | None = None
        """Why nothing is kept any more; for a person."""
        sink = sink if sink is not None else FileSink(spec.path)
        try:
            writer = ChunkWriter(sink, spec.data_key, Identity(spec.recording_id, spec.part), spec.file_salt)
            self._file = Container(writer, Description(spec.call_id, spec.wall_time, now, spec.audio_only))
        except OSError:
            sink.close()
            raise

    @property
    def bytes_written(self) -> int:
        """The size of the file."""
        return self._file.size

    def seconds(self, now: float) -> float:
        """Recorded so far, without pauses."""
        return self._recorded + (now - self._running_since if self.state == RecorderState.RUNNING else 0.0)

    def name_leg(self, leg_id: str, side: str) -> None:
        """Whose side a leg is on; from its next source on if it is known already."""
        self._sides[leg_id] = side

    def packet(
        self,
        leg_id: str,
        kind: str,
        codec: str,
        source: int,
        sequence: int,
        timestamp: int,
        arrival: float,
        marker: bool,
        payload: bytes,
    ) -> None:
        """Take one tapped packet, as it came: `source` is its SSRC, `payload` what stands behind the RTP header.

        Padding (an empty payload) must be given too: its number would count as lost."""
        if self.state != RecorderState.RUNNING:
            return
        self._counters["packets"] += 1
        stream = self._streams.get((leg_id, kind))
        if stream is None or stream.source != source or stream.codec != codec:
            stream = self._changed(stream, leg_id, kind, codec, source)
            if stream is None:
                self._counters["refused"] += 1
                return
        assert stream.track is not None
        if not stream.track.admits(leg_id, arrival):
            self._counters["contended"] += 1
            return
        blocks = stream.push(sequence, timestamp, arrival, marker, payload)
        if blocks:
            self._file.add(blocks)
        if arrival - self._cluster_at >= CLUSTER_SECONDS or self._file.waiting_bytes > _MOST_WAITING_BYTES:
            self.poll(arrival)

    def sender_report(self, leg_id: str, kind: str, ntp_time: int, rtp_timestamp: int, arrival: float) -> None:
        """Take what an SR says of the stream's clocks (RFC 3550 §6.4.1): 64 and 32 bits as on the wire."""
        stream = self._streams.get((leg_id, kind))
        if stream is not None:
            stream.clock.report(ntp_time, rtp_timestamp, arrival)

    def pause(self, now: float) -> None:
        """Keep nothing from now on. What came before is written at once."""
        if self.state == RecorderState.RUNNING:
            self._recorded = self.seconds(now)
            self._drain(now)
            if self.failure is None:
                self.state = RecorderState.PAUSED
                self.event("paused", now)

    def resume(self, now: float) -> None:
        """Go on with what is captured from now on, and with pictures that do not refer to what was not kept."""
        if self.state == RecorderState.PAUSED:
            for stream in self._streams.values():
                stream.bar_before(now)
            self.state = RecorderState.RUNNING
            self._running_since = now
            self.event("resumed", now)

    def event(self, kind: str, now: float, text: str = "") -> None:
        """Write down that something happened: consent given, a mark …"""
        if self.failure is None and self.state != RecorderState.CLOSED:
            moment = Event(self._ms(now), self._wall_time + now - self._began, kind, text)
            self._attempt(lambda: self._file.note(moment))

    def take_key_frame_wishes(self, now: float) -> tuple[str, ...]:
        """Legs whose cameras should be asked for a key picture; each at most once a second."""
        if self.state != RecorderState.RUNNING:
            return ()
        return tuple(
            stream.leg_id
            for stream in self._streams.values()
            if isinstance(stream, PictureStream) and stream.wishes_key(now)
        )

    def poll(self, now: float) -> None:
        """Write what is due; call it every 100 to 200 ms."""
        if self.failure is not None or self.state == RecorderState.CLOSED:
            return
        self._latest = now
        safe_ms = (now - self._began) * 1000 - _SKEW_MS
        for stream in self._streams.values():
            self._file.add(stream.ready(now))
            if stream.sequencer.waits and stream.track is not None:
                safe_ms = min(safe_ms, stream.track.last_ms + 1)
        if now - self._cluster_at >= CLUSTER_SECONDS or self._file.waiting_bytes > _MOST_WAITING_BYTES:
            self._cluster_at = now
            self._go_on_quietly(now)
            full = self._file.waiting_bytes > _MOST_WAITING_BYTES
            self._write(float("inf") if full else safe_ms)
        if now - self._sync_at >= SYNC_SECONDS:
            self._sync_at = now
            self._attempt(self._file.sync)

    def close(self, now: float, reason: str = "stopped") -> Summary:
        """Write everything and end the file. A second time it only tells how it ended."""
        if self.state in (RecorderState.RUNNING, RecorderState.PAUSED):
            if self.state == RecorderState.RUNNING:
                self._recorded = self.seconds(now)
                self._drain(now)
            self.event("stopped", now, reason)
            if self.failure is None:
                self._finish(reason)
                self.state = RecorderState.CLOSED
        return Summary(
            self._id, self.failure or reason, self._recorded, self._file.size, self._complete, self.counters()
        )

    def counters(self) -> dict[str, int]:
        """What came, what was left out and why."""
        late = pictures = voice = 0
        for stream in self._streams.values():
            late += stream.sequencer.late
            pictures += stream.builder.dropped if isinstance(stream, PictureStream) else 0
        for track in self._tracks.values():
            voice += track.voice.left_out + track.voice.bad
        return {**self._counters, "late": late, "pictures_left_out": pictures, "voice_left_out": voice}

    # --- what happens inside --------------------------------------------------------------------------------------

    def _changed(self, stream: Stream | None, leg_id: str, kind: str, codec: str, source: int) -> Stream | None:
        """The stream, set up for another source or codec; None if it cannot be recorded."""
        if codec not in tracks.CODECS.get(kind, ()) or (self._audio_only and kind == tracks.VIDEO):
            return None
        track = self._track(self._sides.get(leg_id, leg_id), kind, codec)
        if track is None or (stream is None and len(self._streams) >= 2 * _MOST_LEGS):
            return None
        if stream is None:
            clock = self._clocks.setdefault(leg_id, LegClock())
            made = VoiceStream if kind == tracks.AUDIO else PictureStream
            stream = self._streams[leg_id, kind] = made(leg_id, clock, self._began)
        else:
            self._file.add(stream.ready(0.0, everything=True))
        stream.change(source, codec, track)
        return stream

    def _track(self, side: str, kind: str, codec: str) -> Track | None:
        track = self._tracks.get((side, kind, codec))
        if track is None and len(self._tracks) < MOST_TRACKS:
            track = self._tracks[side, kind, codec] = Track(len(self._tracks) + 1, side, kind, codec)
        return track

    def _drain(self, now: float) -> None:
        """Write everything that came, whatever is missing."""
        for stream in self._streams.values():
            self._file.add(stream.ready(now, everything=True))
        self._go_on_quietly(now)
        self._write(float("inf"))

    def _go_on_quietly(self, now: float) -> None:
        """Voices that are not heard for long go on as silence, so that files stay in the order of time."""
        now_ms = (now - self._began) * 1000
        for track in self._tracks.values():
            end_ms = track.voice.end_ms
            if end_ms is not None and now_ms - end_ms > _QUIET_SECONDS * 1000:
                blocks: list[Block] = []
                sound = track.voice.silence_until(now_ms - _QUIET_MARGIN_SECONDS * 1000)
                tracks.voice_blocks(track, sound, blocks)
                self._file.add(blocks)

    def _write(self, before_ms: float) -> None:
        def write() -> None:
            for track in self._tracks.values():
                if not track.described and track.last_ms >= 0:
                    self._file.describe(track)
            self._file.write_cluster(before_ms)

        self._attempt(write)

    def _attempt(self, write: Callable[[], None]) -> None:
        """Write; if the disk refuses, close what there is and say so."""
        if self.failure is not None:
            return
        try:
            write()
        except OSError as error:
            self.failure = why_not_written(error)
            self._recorded = self.seconds(self._latest)
            self.state = RecorderState.FAILED
            self._finish(self.failure)

    def _finish(self, reason: str) -> None:
        try:
            self._file.finish(reason, self._recorded)
            self._complete = True
        except OSError as error:
            self.failure = self.failure or why_not_written(error)

    def _ms(self, now: float) -> int:
        return max(0, round((now - self._began) * 1000))
