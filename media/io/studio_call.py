"""One call in the studio: which of its sources are read, and for what."""

from collections.abc import Callable, Iterator

from media.api import Kind, RecordingChanged, RecordingSpec, RecordingState, RecordingStatus
from media.bridge.bridge import Bridge
from media.bridge.cleaning import Cleaner
from media.bridge.inbound import InboundTrack
from media.bridge.outbound import OutboundTrack
from media.bridge.player import Player
from media.bridge.rescue import Rescuer
from media.bridge.tap import Feed, Tap
from media.io import codec_words as words
from media.wire.tapped import OPUS, TappedPacket

MAX_TAPS = 64
CORES_A_TRANSCODE, CORES_A_VOICE = 0.35, 0.02
"""What is taken to be the price until it shows in the measured CPU."""

Say = Callable[[words.FromEngine], bool]


class Recording:
    """One recording from its start to its end, over as many codec workers as it takes."""

    def __init__(self, call_id: str, spec: RecordingSpec) -> None:
        self.call_id = call_id
        self.spec = spec
        self.state = RecordingState.STARTED
        self.paused = False
        self.stopping = False
        self.parts = 0
        """Files that were begun."""
        self._before = (0.0, 0)
        self._part = (0.0, 0)

    @property
    def running(self) -> bool:
        """Whether packets are kept."""
        return not self.paused and self.state is not RecordingState.FAILED

    @property
    def seconds(self) -> float:
        return round(self._before[0] + self._part[0], 3)

    @property
    def size_bytes(self) -> int:
        return self._before[1] + self._part[1]

    def changed(self, state: RecordingState) -> None:
        """The worker says what it did."""
        self.state = state
        self.parts += state is RecordingState.STARTED

    def progressed(self, seconds: float, size_bytes: int) -> None:
        """How far the running part is."""
        self._part = (seconds, size_bytes)

    def interrupted(self) -> None:
        """The running part is over."""
        self._before, self._part = (self._before[0] + self._part[0], self.size_bytes), (0.0, 0)

    def status(self) -> RecordingStatus:
        return RecordingStatus(self.spec.recording_id, self.state, self.seconds, self.size_bytes)

    def event(self, reason: str) -> RecordingChanged:
        """What is told of its state now."""
        return RecordingChanged(self.call_id, self.spec.recording_id, self.state, reason, self.seconds, self.size_bytes)


class StudioCall:
    """Answers the bridge's questions (media.bridge.bridge.Studio)."""

    def __init__(
        self,
        call_id: str,
        bridge: Bridge,
        feed: Feed,
        say: Say,
        numbers: Iterator[int],
        admit: Callable[[float], int | None],
        release: Callable[[int], None],
    ) -> None:
        self.bridge = bridge
        self.recordings: dict[str, Recording] = {}
        self.stills: dict[str, float] = {}
        """leg_id -> until when its camera is decoded."""
        self.rescuer = Rescuer(bridge, self)
        self.cleaner = Cleaner(bridge, self)
        self.blind: frozenset[str] = frozenset()
        """Legs of which it was told that they have no picture for want of a codec."""
        self.cleaned: frozenset[str] = frozenset()
        """Legs of which it was told that their voice is cleaned."""
        self._admit = admit
        """Gives a number to something more that is made anew, if there are so many cores for it."""
        self._release = release
        """Takes such a number back: it is made no more."""
        self._call_id = call_id
        self._feed = feed
        self._say = say
        self._numbers = numbers
        self._taps: dict[InboundTrack, tuple[Tap, words.OpenTap]] = {}

    def close(self) -> None:
        """The call has ended; nothing here keeps it."""
        self.rescuer.close()
        self.cleaner.close()
        self.bridge.studio = None
        self._taps.clear()
        del self.rescuer, self.cleaner

    # --- what the bridge asks ---

    def tap(self, leg_id: str, source: InboundTrack) -> Tap | None:
        kind = source.slot.kind
        made_anew = source in self.rescuer.sources or source in self.cleaner.sources
        if not self._wanted(leg_id, kind) and not made_anew:
            return None
        return self._tap(leg_id, source)

    def _tap(self, leg_id: str, source: InboundTrack) -> Tap:
        found = self._taps.get(source)
        if found is None:
            if len(self._taps) >= MAX_TAPS:
                del self._taps[next(iter(self._taps))]
            tap = Tap(self._feed, next(self._numbers), source.payload_types, self)
            opened = words.OpenTap(tap.number, self._call_id, leg_id, source.slot.kind)
            self._taps[source] = found = (tap, opened)
            self._say(opened)
        return found[0]

    def substitute(self, track: OutboundTrack, source: InboundTrack) -> Player | None:
        return self.rescuer.player(track, source) or self.cleaner.player(track, source)

    def sender_report(self, tap: int, ntp_time: int, rtp_timestamp: int, arrival: float) -> None:
        self._say(words.SenderReport(tap, ntp_time, rtp_timestamp, arrival))

    # --- what the rescuer asks (media.bridge.rescue.Kitchen) ---

    def begin(self, source: InboundTrack, bps: int, *, h264: bool) -> int | None:
        leg_id = next((name for name, leg in self.bridge.legs.items() if source in leg.streams.tracks), None)
        number = self._admit(CORES_A_TRANSCODE) if leg_id is not None else None
        if leg_id is None or number is None:
            return None
        return self._begun(number, words.StartTranscode(number, self._tap(leg_id, source).number, bps, h264))

    def change_rate(self, number: int, bps: int) -> None:
        self._say(words.ChangeRate(number, bps))

    def make_key_frame(self, number: int) -> None:
        self._say(words.MakeKeyFrame(number))

    def end(self, number: int) -> None:
        self._release(number)
        self._say(words.StopTranscode(number))

    # --- what the cleaner asks besides (media.bridge.cleaning.Cleaning) ---

    def begin_cleaning(self, leg_id: str, source: InboundTrack) -> int | None:
        number = self._admit(CORES_A_VOICE)
        if number is None:
            return None
        return self._begun(number, words.StartCleaning(number, self._tap(leg_id, source).number))

    def _begun(self, number: int, start: words.StartTranscode | words.StartCleaning) -> int | None:
        if self._say(start):
            return number
        self._release(number)
        return None

    # --- what the studio says ---

    def made(self, packet: TappedPacket, now: float) -> None:
        """Pictures or a voice, for whom they were made."""
        if packet.codec == OPUS:
            self.cleaner.arrived(packet, now)
        else:
            self.rescuer.arrived(packet, now)

    def rejoin(self, now: float) -> None:
        """What is wanted has changed."""
        in_use = self.recordings or self.stills or self.rescuer.active or self.cleaner.active
        self.bridge.studio = self if in_use else None
        self.bridge.rejoin(now)

    def tap_of(self, leg_id: str, kind: Kind) -> int | None:
        """The number under which this source is read now; None if it is not forwarded."""
        leg = self.bridge.legs.get(leg_id)
        source = leg.source(kind) if leg is not None else None
        return source.forwarder.tap.number if source is not None and source.forwarder.tap is not None else None

    def introduce(self) -> None:
        """Tell a new codec worker which taps there are, and what their clocks showed last."""
        for source, (tap, opened) in self._taps.items():
            self._say(opened)
            report = source.clock.last_report()
            if report is not None:
                tap.sender_report(*report)

    def ask_for_key_frame(self, leg_id: str, now: float) -> None:
        """Pictures that are read need one."""
        leg = self.bridge.legs.get(leg_id)
        source = leg.source(Kind.VIDEO) if leg is not None else None
        if source is not None and source.forwarder.tap is not None:
            source.want_key_frame(now)

    def ask_for_key_frames(self, now: float) -> None:
        """Of every camera that is read."""
        for leg_id in self.bridge.legs:
            self.ask_for_key_frame(leg_id, now)

    def expire(self, now: float) -> bool:
        """Forget stills that nobody asked for lately; whether there were any."""
        over = [leg_id for leg_id, until in self.stills.items() if until <= now]
        for leg_id in over:
            del self.stills[leg_id]
            for _, opened in self._taps.values():
                if opened.leg_id == leg_id and opened.kind is Kind.VIDEO:
                    self._say(words.EndStills(opened.tap))
        return bool(over)

    def _wanted(self, leg_id: str, kind: Kind) -> bool:
        if kind is Kind.VIDEO and leg_id in self.stills:
            return True
        return any(
            recording.running and (kind is Kind.AUDIO or not recording.spec.audio_only)
            for recording in self.recordings.values()
        )
