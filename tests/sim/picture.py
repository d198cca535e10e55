"""What a synthetic page sees: pictures repaired by retransmission and FlexFEC, and shown without a hole."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from media.errors import WireError
from media.wire.flexfec import parse_flexfec
from media.wire.parity import Parity, recovery_bits, restore
from media.wire.rtcp_feedback import build_nack, build_pli
from media.wire.rtp import RtpPacket, parse_packet
from media.wire.serial import unwrap16
from media.wire.ulpfec import parse_ulpfec
from media.wire.vp8 import parse_descriptor
from tests.sim.sink import Sink

WAIT_SECONDS = 0.5
"""A hole that stays so long makes the page ask for a key frame."""


@dataclass
class _Frame:
    number: int
    key: bool
    parts: int
    have: int = 0


@dataclass
class Picture(Sink):
    """A video sink. `shown` are the times of the pictures that could be decoded, in order."""

    shown: list[float] = field(default_factory=list)
    keys_shown: int = 0
    restored: int = 0
    """Packets brought back by parity."""
    parity_packets: int = 0
    wrong: int = 0
    """Parity that made nonsense."""
    key_frames_asked: int = 0
    missing_now: dict[int, tuple[float, float, int]] = field(default_factory=dict)
    """Extended number -> when it was missed, when it was last asked for, how often."""
    _frames: dict[int, _Frame] = field(default_factory=dict)
    layers: list[tuple[float, int]] = field(default_factory=list)
    """When a packet of which temporal layer came."""
    _picture_id: int = 0
    _next: int = -1
    _stuck: float = 0.0
    _strings: dict[int, int] = field(default_factory=dict)
    _open: list[Parity] = field(default_factory=list)

    def receive(self, packet: RtpPacket, now: float) -> None:
        first, before = not self.packets, self.highest
        super().receive(packet, now)
        extended = unwrap16(packet.sequence_number, self.highest)
        self.missing_now.pop(extended, None)
        if not first:
            for number in range(max(before + 1, self.highest - 500), self.highest):
                self.missing_now[number] = (now, float("-inf"), 0)
        if packet.payload and self.packets[extended][1] is packet:
            self._place(packet, now)

    def protect(self, datagram: bytes, zeros: tuple[slice, ...], now: float) -> None:
        """Keep a packet as it came for parity; what changes on sending is zero in parity (as libwebrtc has it)."""
        data = bytearray(datagram)
        for place in zeros:
            data[place] = bytes(place.stop - place.start)
        self._strings[int.from_bytes(datagram[2:4])] = recovery_bits(bytes(data))
        for number in list(self._strings)[:-400]:
            del self._strings[number]
        self._restore(now)

    def parity(self, payload: bytes, now: float, *, ulpfec: bool = False) -> None:
        """A FlexFEC or ULPFEC packet came."""
        self.parity_packets += 1
        parity = parse_ulpfec(payload, self.ssrc) if ulpfec else parse_flexfec(payload)
        assert parity.ssrc == self.ssrc
        self._open = [*self._open[-60:], parity]
        self._restore(now)

    def _restore(self, now: float) -> None:
        again = True
        while again:
            again = False
            for parity in list(self._open):
                lost = [number for number in parity.sequences if number not in self._strings]
                if len(lost) > 1:
                    continue
                self._open.remove(parity)
                if lost:
                    again = self._bring_back(parity, lost[0], now) or again

    def _bring_back(self, parity: Parity, lost: int, now: float) -> bool:
        try:
            data = restore(parity, lost, (self._strings[n] for n in parity.sequences if n != lost))
            packet = parse_packet(data)
        except WireError:
            self.wrong += 1
            return False
        self._strings[lost] = recovery_bits(data)
        known = unwrap16(lost, self.highest) in self.packets
        self.restored += not known
        self.receive(packet, now)
        return True

    def _place(self, packet: RtpPacket, now: float) -> None:
        descriptor = parse_descriptor(packet.payload, 0, len(packet.payload))
        at = descriptor.size
        number = int.from_bytes(packet.payload[at + 3 : at + 7])
        if descriptor.temporal_layer is not None and descriptor.picture_id is not None:
            # A receiver of layers waits for every picture id (libwebrtc), however many pictures were left out.
            number = self._picture_id + ((descriptor.picture_id - self._picture_id + 0x4000) & 0x7FFF) - 0x4000
            self._picture_id = max(self._picture_id, number)
            self.layers.append((now, descriptor.temporal_layer))
        frame = self._frames.get(number)
        if frame is None:
            frame = self._frames[number] = _Frame(number, not packet.payload[at] & 1, packet.payload[at + 2])
        frame.have += 1
        self._show(now)

    def _show(self, now: float) -> None:
        """Show what is whole and follows what was shown, or a key frame that is whole."""
        frames = self._frames
        while True:
            frame = frames.get(self._next)
            if frame is None or frame.have < frame.parts:
                frame = next(
                    (f for f in frames.values() if f.key and f.have >= f.parts and f.number >= self._next), None
                )
            if frame is None:
                return
            self.shown.append(now)
            self.keys_shown += frame.key
            self._next, self._stuck = frame.number + 1, now
            for number in [n for n in frames if n <= frame.number]:
                del frames[number]

    def ask(self, send: Callable[[bytes], None], now: float, round_trip: float) -> None:
        """NACK as browsers do: at once, again after a round trip; a key frame when that was in vain."""
        due = []
        for number, (since, last, tries) in list(self.missing_now.items()):
            if tries >= 10 or now - since > 1.0:
                del self.missing_now[number]
            elif now - last > round_trip:
                self.missing_now[number] = (since, now, tries + 1)
                due.append(number & 0xFFFF)
        for at in range(0, len(due), 64):
            send(build_nack(1, self.ssrc, due[at : at + 64]))
        if not self._stuck:
            self._stuck = now
        if self._frames and now - self._stuck > WAIT_SECONDS:
            self._stuck = now
            self.key_frames_asked += 1
            send(build_pli(1, self.ssrc))

    def fps(self, start: float, end: float) -> float:
        """Pictures shown a second between two times."""
        return sum(start <= time < end for time in self.shown) / (end - start)

    def longest_gap(self, start: float, end: float) -> float:
        """The longest time without a new picture, seconds."""
        times = [start, *(time for time in self.shown if start <= time < end), end]
        return max(after - before for before, after in pairwise(times))
