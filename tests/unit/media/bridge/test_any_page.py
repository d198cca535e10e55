"""Whatever a page agrees to, and whatever it sends then, is no exception: one would end its call.

Compiled code is stricter than interpreted: a missing id, a rate out of range or a float where a number is meant raises
TypeError there. So this runs in both (`make compiled-unit`).
"""

import random
import re
import struct
from pathlib import Path

import msgspec
from hypothesis import given, strategies as st

from media.api import Kind, LegStats, Slot
from media.bridge.bridge import Bridge
from media.bridge.leg import Leg
from media.bridge.outbound_video import VideoOut
from media.bridge.parameters import LegParameters, PayloadTypes
from media.errors import NegotiationError
from media.io.answer import parse_answer
from media.io.offer import new_identity
from media.units import MAX_DATAGRAM_BYTES
from media.wire.buffer import PacketBuffer
from media.wire.rtcp_feedback import build_fir, build_nack, build_pli
from media.wire.transport_cc import TransportFeedback, build_transport_feedback
from tests.sim.call import Call
from tests.sim.page import Page, parameters
from tests.sim.source import H264, OPUS, VP8

VECTORS = Path(__file__).parents[3] / "vectors" / "sdp"
ANSWERS = [path.read_bytes().decode() for path in sorted(VECTORS.glob("*.sdp"))]
OPTIONAL = ("a=extmap:", "a=rtcp-fb:", "a=ssrc:", "a=ssrc-group:", "a=rtcp-rsize", "a=fmtp:")
ACTIONS = 150
KEY_FRAME = bytes((0x10, 0x00, 0x00, 0x00, 0x9D, 0x01, 0x2A)) + bytes(10)


class Nowhere:
    """An outlet that looks at nothing (media.bridge.ports.Outlet)."""

    def send_rtp(self, packet: PacketBuffer) -> None:
        packet.view[packet.start : packet.end] = bytes(packet.end - packet.start)

    def send_rtp_bytes(self, data: bytes) -> None: ...

    def send_rtcp(self, data: bytes) -> None: ...


def some_page(dice: random.Random) -> LegParameters:
    """A real browser's answer without some of what may be left out."""
    kept = dice.random()
    while True:
        lines = [
            line for line in dice.choice(ANSWERS).split("\r\n") if not line.startswith(OPTIONAL) or dice.random() < kept
        ]
        codecs = {match[1] for line in lines if (match := re.match(r"a=rtpmap:(\d+)", line))}
        refused = {codec for codec in codecs if dice.random() > kept}
        lines = [without(line, refused) for line in lines]
        try:
            return parse_answer("\r\n".join(lines), new_identity(), dice.choice((0, 1, 2_500_000))).parameters
        except NegotiationError:
            kept = 1.0  # no codec in common


def without(line: str, refused: set[str]) -> str:
    if not line.startswith("m="):
        return line
    words = line.split(" ")
    return " ".join([*words[:3], *(word for word in words[3:] if word not in refused)])


class Hostile:
    """One page, which knows all of its leg's numbers."""

    def __init__(self, dice: random.Random, leg: Leg, other: Leg) -> None:
        self.dice = dice
        self.leg = leg
        slots = [*leg.parameters.inbound, *leg.parameters.outbound, *other.parameters.outbound]
        types = [msgspec.structs.astuple(slot.payload_types) for slot in slots]
        self.types = sorted({number for some in types for number in some if number is not None})
        self.media = [
            (slot.ssrc, number)
            for slot in leg.parameters.inbound
            for number in (slot.payload_types.opus, slot.payload_types.vp8, slot.payload_types.red_video)
            if number is not None and slot.ssrc is not None
        ]
        own = [ssrc for slot in leg.parameters.inbound for ssrc in (slot.ssrc, slot.rtx_ssrc) if ssrc]
        ours = [ssrc for slot in leg.parameters.outbound for ssrc in (slot.ssrc, slot.rtx_ssrc) if ssrc]
        self.own, self.ours = [*own, 4711, 4712], [*ours, 4711]
        self.sequence = dict.fromkeys(self.own, 65_530)
        self.slot = PacketBuffer(memoryview(bytearray(MAX_DATAGRAM_BYTES)))

    def act(self, now: float) -> None:
        """Send one thing."""
        dice = self.dice
        if dice.random() < 0.7:
            self.send_rtp(now)
        else:
            self.leg.receive_rtcp(self.mutated(dice.choice((self.report, self.feedback, self.asked, self.remb))()), now)

    def send_rtp(self, now: float) -> None:
        dice, slot = self.dice, self.slot
        ssrc, payload_type = dice.choice(self.own), dice.choice(self.types)
        if self.media and dice.random() < 0.8:
            ssrc, payload_type = dice.choice(self.media)
        self.sequence[ssrc] += dice.choice((2, 7, -3, 3_000)) if dice.random() < 0.1 else 1
        extension = self.extension()
        head = struct.pack(
            "!BBHII",
            0x80 | (0x10 if extension else 0) | dice.choice((0, 0, 0, 0, 0, 0, 0, 0x20)),
            payload_type | dice.choice((0, 0x80)),
            self.sequence[ssrc] & 0xFFFF,
            int(now * 90_000) & 0xFFFFFFFF,
            ssrc,
        )
        payload = dice.choice((KEY_FRAME, dice.randbytes(dice.randrange(40)), bytes(900), b""))
        data = self.mutated(head + extension + payload)[:1300]
        slot.start, slot.end = 64, 64 + len(data)
        slot.view[64 : slot.end] = data
        self.leg.receive_rtp(slot, now)

    def extension(self) -> bytes:
        """Elements of any id and width, one-byte form (RFC 8285)."""
        elements = b"".join(
            bytes((identifier << 4 | width - 1,)) + self.dice.randbytes(width)
            for identifier in range(1, 7)
            if (width := self.dice.choice((0, 0, 1, 2, 3)))
        )
        elements += bytes(-len(elements) % 4)
        return struct.pack("!HH", 0xBEDE, len(elements) // 4) + elements if elements else b""

    def report(self) -> bytes:
        block = struct.pack("!IIIIII", self.dice.choice(self.ours), *(self.dice.getrandbits(32) for _ in range(5)))
        if self.dice.random() < 0.5:
            return struct.pack("!BBHI", 0x81, 201, 7, 1) + block
        times = struct.pack("!QIII", self.dice.getrandbits(64), *(self.dice.getrandbits(32) for _ in range(3)))
        return struct.pack("!BBHI", 0x81, 200, 12, self.dice.choice(self.own)) + times + block

    def feedback(self) -> bytes:
        sequence = self.leg.downlink.transport_sequence + self.dice.randrange(-30, 3)
        deltas = tuple(self.dice.choice((None, 0, 4, 255, -9, 9_000)) for _ in range(self.dice.randint(1, 40)))
        reference = self.dice.choice((0, 1, -(1 << 23), (1 << 23) - 1))
        return build_transport_feedback(TransportFeedback(1, 1, sequence & 0xFFFF, reference, 0, deltas))

    def asked(self) -> bytes:
        ssrc = self.dice.choice(self.ours)
        track = next((track for track in self.leg.outbound.values() if track.slot.ssrc == ssrc), None)
        highest = track.rewriter.highest if track is not None else 0
        numbers = [(highest - self.dice.randrange(20)) & 0xFFFF for _ in range(8)]
        return self.dice.choice((build_nack(1, ssrc, numbers), build_pli(1, ssrc), build_fir(1, [(ssrc, 7)])))

    def remb(self) -> bytes:
        rate = self.dice.choice((0, 0xFFFFFF, self.dice.getrandbits(24)))
        return struct.pack("!BBHII4sII", 0x8F, 206, 5, 1, 0, b"REMB", 1 << 24 | rate, self.ours[0])

    def mutated(self, data: bytes) -> bytes:
        if self.dice.random() < 0.8 or not data:
            return data
        changed = bytearray(data)
        changed[self.dice.randrange(len(data))] = self.dice.randrange(256)
        return bytes(changed[: self.dice.choice((len(data), self.dice.randrange(len(data) + 1)))])


def as_told(leg: Leg, now: float) -> None:
    """Its figures reach the control process: they are of the types that its decoder asks for."""
    told = [leg.stats(now), LegStats(leg.call_id, leg.leg_id, seconds=leg.monitor.drain())]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(told), type=list[LegStats]) == told


@given(st.integers(0, 1 << 32))
def test_no_page_meets_an_exception(seed: int) -> None:
    dice = random.Random(seed)
    bridge = Bridge("call", dice)
    now = dice.choice((0.0, 5e6))
    legs = [bridge.add_leg(name, some_page(dice), Nowhere(), now) for name in ("one", "two")]
    legs[0].uplink.wish = dice.choice((None, lambda bps, layers: None))
    pages = [Hostile(dice, *pair) for pair in (legs, legs[::-1])]
    bridge.connect(("one", "two"), now)
    for _ in range(ACTIONS):
        dice.choice(pages).act(now)
        now += dice.choice((0.0, 0.0, 0.001, 0.02, 0.3))
        for leg in legs:
            if leg.next_timeout() <= now:
                leg.poll(now, int(now * (1 << 32)))
                as_told(leg, now)
        if dice.random() < 0.02:
            bridge.hold(dice.random() < 0.2, now)
            bridge.mute("one", dice.choice(list(Kind)), dice.random() < 0.2, now)
            legs[0].path_changed(True, now)
    bridge.remove_leg("one", now)
    legs[1].poll(now + 1, 0)


def test_a_page_that_takes_retransmission_of_another_codec_only_is_probed_with_padding() -> None:
    call = Call()
    call.join("one")
    types = PayloadTypes(opus=OPUS, vp8=VP8, h264=H264, h264_rtx=103)
    page = Page(call.clock, 5000, 1, parameters(5000, types))
    call.join("two", page, sending=False)
    call.connect("one", "two")
    page.asks = False
    call.run(0.1)
    track = call.legs["two"].outbound[Slot.MAIN]
    kept = track.sent.newest(track.rewriter.highest)
    assert isinstance(track, VideoOut)
    assert kept is not None
    assert track.send_probe(1, len(kept[0]), call.clock.now) < len(kept[0])
