"""A leg's voice with less noise, for those who hear it: when, and the seamless change both ways.

What decodes, cleans and encodes is elsewhere (`Cleaning`) and may refuse. Until the first of it is here, whenever it
stays away, and for legs whose connection has room for a small voice only, the voice goes on as it came.
"""

from typing import Protocol

from media.api import Kind
from media.bridge.bridge import Bridge
from media.bridge.inbound import InboundTrack
from media.bridge.leg import Leg
from media.bridge.outbound import OutboundTrack
from media.bridge.player import OPUS_TYPE, PACKET_SAMPLES, Player
from media.errors import UnknownLegError
from media.wire.tapped import TappedPacket

STARTING_SECONDS, MISSED_SECONDS = 5.0, 0.5
"""How long nothing may come of a voice that goes on, at first and then."""
RETRY_SECONDS = 5.0
"""After a refusal, or an end that we did not want."""
HOPELESS_SECONDS = 60.0
"""After an end that came before the first sound: the library is not installed."""


class Cleaning(Protocol):
    """Decodes a voice and encodes it with less noise."""

    def begin_cleaning(self, leg_id: str, source: InboundTrack) -> int | None:
        """Start, if there is CPU for it; the number of what comes out. Nothing comes before the source is tapped."""

    def end(self, number: int) -> None: ...


class CleanedVoice(Player):
    """What one track gets of a voice that is made anew."""

    def __init__(self, source: InboundTrack) -> None:
        super().__init__()
        self._source = source
        self._ahead = 0
        """Of our timestamps before the source's of the same sound; the maker's jitter buffer moves it."""

    def packet(self, packet: TappedPacket, now: float) -> None:
        """Pass on 20 ms."""
        timestamp = packet.sequence * PACKET_SAMPLES
        self._ahead = timestamp - packet.timestamp
        self.send(packet.payload, OPUS_TYPE, timestamp, marker=False, key=False, now=now)

    def timestamp_at(self, now: float) -> int | None:
        """Of what the source hears now: pictures of that moment are played with it."""
        timestamp = self._source.timestamp_at(now)
        return None if timestamp is None else (timestamp + self._ahead) & 0xFFFFFFFF

    def poll(self, now: float) -> None:
        """Nothing is due by the clock."""

    def next_timeout(self) -> float:
        return float("inf")


class _Voice:
    """A source that is made anew."""

    def __init__(self, source: InboundTrack, number: int, now: float) -> None:
        self.source = source
        self.number = number
        self.made_at: float | None = None
        self.players: dict[OutboundTrack, CleanedVoice] = {}
        self._begun_at = now
        self._missed_since = float("inf")

    def missed(self, heard: bool, now: float) -> bool:
        """Whether the source is to be heard and goes on, and nothing comes of it. Who looks four times a second may see
        the source ahead each time, and something may have come of it each time in between."""
        made_at = self._begun_at if self.made_at is None else self.made_at
        goes_on = heard and self.source.last_received > made_at
        self._missed_since = max(min(self._missed_since, now), made_at) if goes_on else float("inf")
        return now - self._missed_since > (STARTING_SECONDS if self.made_at is None else MISSED_SECONDS)


class Cleaner:
    """One call's. `consider` a few times a second; the bridge asks `player`."""

    def __init__(self, bridge: Bridge, cleaning: Cleaning) -> None:
        self._bridge = bridge
        self._cleaning = cleaning
        self._voices: dict[str, _Voice] = {}
        """leg_id -> what is made of its voice."""
        self._wanted: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._roomy: set[OutboundTrack] = set()
        """Tracks whose leg has room for a voice of ours."""

    @property
    def active(self) -> bool:
        """Whether anything is made, or wanted."""
        return bool(self._wanted or self._voices)

    @property
    def sources(self) -> set[InboundTrack]:
        """Those to be tapped."""
        return {voice.source for voice in self._voices.values()}

    @property
    def cleaned(self) -> frozenset[str]:
        """The legs whose voice is made anew now."""
        return frozenset(leg_id for leg_id, voice in self._voices.items() if voice.made_at is not None)

    def want(self, leg_id: str, wanted: bool) -> None:
        """Whether this leg's voice should be cleaned; the next `consider` sees to it. Raise UnknownLegError."""
        if leg_id not in self._bridge.legs:
            raise UnknownLegError(f"no leg {leg_id} in call {self._bridge.call_id} here")
        if wanted:
            self._wanted.add(leg_id)
        else:
            self._wanted.discard(leg_id)
        self._retry_at.pop(leg_id, None)

    def player(self, track: OutboundTrack, source: InboundTrack) -> Player | None:
        """What feeds the track instead of its source, once there is something."""
        voice = next((voice for voice in self._voices.values() if voice.source is source), None)
        if voice is None or voice.made_at is None or track not in self._roomy:
            return None
        return voice.players.setdefault(track, CleanedVoice(source))

    def consider(self, now: float) -> bool:
        """Begin and end; whether taps or substitutes changed."""
        legs = self._bridge.legs
        self._wanted &= legs.keys()
        self._retry_at = {leg_id: at for leg_id, at in self._retry_at.items() if leg_id in legs}
        roomy = {track for leg in legs.values() if _has_room(leg) for track in leg.outbound.values()}
        changed = bool(self._voices) and roomy != self._roomy
        self._roomy = roomy
        heard = set(self._bridge.people().values())
        for leg_id, voice in list(self._voices.items()):
            leg = legs.get(leg_id)
            if leg_id not in self._wanted or leg is None or voice.source not in leg.streams.tracks:
                self._drop(leg_id)
                changed = True
            elif voice.missed(voice.source in heard, now):
                self._drop(leg_id)
                self._retry_at[leg_id] = now + RETRY_SECONDS
                changed = True
        for leg_id in self._wanted - self._voices.keys():
            changed |= self._begin(legs[leg_id], heard, now)
        return changed

    def arrived(self, packet: TappedPacket, now: float) -> None:
        """A packet of one of our numbers; the first brings the change."""
        voice = next((voice for voice in self._voices.values() if voice.number == packet.tap), None)
        if voice is None:
            return
        first, voice.made_at = voice.made_at is None, now
        if first:
            self._bridge.rejoin(now)
        for player in voice.players.values():
            player.packet(packet, now)

    def ended(self, number: int | None, now: float) -> None:
        """What was made ended by itself; None: all of it."""
        over = [leg_id for leg_id, voice in self._voices.items() if number is None or voice.number == number]
        for leg_id in over:
            hopeless = number is not None and self._voices[leg_id].made_at is None
            self._retry_at[leg_id] = now + (HOPELESS_SECONDS if hopeless else RETRY_SECONDS)
            self._drop(leg_id)
        if over:
            self._bridge.rejoin(now)

    def close(self) -> None:
        """The call has ended."""
        for leg_id in list(self._voices):
            self._drop(leg_id)
        self._wanted.clear()

    def _begin(self, leg: Leg, heard: set[InboundTrack], now: float) -> bool:
        source = leg.source(Kind.AUDIO)
        if source is None or source not in heard or self._retry_at.get(leg.leg_id, 0.0) > now:
            return False
        number = self._cleaning.begin_cleaning(leg.leg_id, source)
        if number is None:
            self._retry_at[leg.leg_id] = now + RETRY_SECONDS
            return False
        self._voices[leg.leg_id] = _Voice(source, number, now)
        return True

    def _drop(self, leg_id: str) -> None:
        self._cleaning.end(self._voices.pop(leg_id).number)


def _has_room(leg: Leg) -> bool:
    """Not over a connection that the voice's sender was told to spare."""
    allocation = leg.rates.allocation
    return allocation.join_frames == 1 and not allocation.video_paused
