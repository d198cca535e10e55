"""What a tap reads: exactly what is forwarded, and nothing of anybody who is not heard."""

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest

from media.api import Kind
from media.bridge.inbound import InboundTrack
from media.bridge.outbound import OutboundTrack
from media.bridge.player import Player
from media.bridge.tap import Feed, Tap
from media.wire.tapped import OPUS, VP8, FrameReader, TappedPacket
from tests.sim.call import Call, two_people


class Reader:
    """Reads everything along (media.bridge.bridge.Studio)."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.feed = Feed()
        self.feed.begin()
        self.taps: dict[tuple[str, Kind], Tap] = {}
        self.names: dict[int, tuple[str, Kind]] = {}
        self.reports: list[tuple[int, int, int, float]] = []
        self.frames = FrameReader()

    def tap(self, leg_id: str, source: InboundTrack) -> Tap:
        name = (leg_id, source.slot.kind)
        if name not in self.taps:
            self.taps[name] = Tap(self.feed, len(self.taps), source.payload_types, self)
            self.names[self.taps[name].number] = name
        return self.taps[name]

    def substitute(self, track: OutboundTrack, source: InboundTrack) -> Player | None:
        return None

    def sender_report(self, tap: int, ntp_time: int, rtp_timestamp: int, arrival: float) -> None:
        self.reports.append((tap, ntp_time, rtp_timestamp, arrival))

    def read(self) -> list[TappedPacket]:
        """What came since the last time."""
        waiting = bytes(self.feed.waiting())
        self.feed.sent(len(waiting))
        return [frame for frame in self.frames.feed(waiting) if isinstance(frame, TappedPacket)]

    def attach(self) -> "Reader":
        self.call.bridge.studio = self
        self.call.bridge.rejoin(self.call.clock.now)
        return self


def words(packets: list[TappedPacket]) -> Iterator[int]:
    return (int.from_bytes(packet.payload[4:8]) for packet in packets if packet.codec == OPUS)


def test_nothing_is_read_before_somebody_answers() -> None:
    call, _, _ = two_people()
    reader = Reader(call).attach()
    call.run(2.0)
    assert reader.read() == []
    call.connect("customer", "agent")
    call.run(0.5)
    assert {reader.names[packet.tap] for packet in reader.read()} == {
        (leg, kind) for leg in ("customer", "agent") for kind in Kind
    }


def test_what_is_read_is_what_was_sent() -> None:
    call, customer, _ = two_people()
    call.connect("customer", "agent")
    call.run(0.5)
    reader = Reader(call).attach()
    call.run(3.0)
    packets = reader.read()
    voice = [packet for packet in packets if reader.names[packet.tap] == ("customer", Kind.AUDIO)]
    heard = list(words(voice))
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    assert len(heard) == pytest.approx(150, abs=2)
    assert [b.timestamp - a.timestamp for a, b in pairwise(voice)].count(960) >= len(heard) - 2
    pictures = [packet for packet in packets if reader.names[packet.tap] == ("customer", Kind.VIDEO)]
    assert {packet.codec for packet in pictures} == {VP8}
    assert any(packet.key for packet in pictures)  # asked for when the tap began
    assert {packet.generation for packet in packets} == {0}
    assert len(customer.camera.key_frames) >= 2


def test_the_sources_clocks_are_told_to_begin_with_and_at_each_report() -> None:
    call, customer, _ = two_people()
    call.connect("customer", "agent")
    call.run(2.0)
    reader = Reader(call).attach()
    assert {reader.names[report[0]] for report in reader.reports} == set(reader.taps)
    before = len(reader.reports)
    call.run(2.0)
    assert len(reader.reports) >= before + 8
    assert customer.audio.packets


def test_lost_voice_that_came_back_is_read_once() -> None:
    call, customer, _ = two_people()
    customer.up.loss = 0.1
    reader = Reader(call).attach()
    call.connect("customer", "agent")
    call.run(10.0)
    voice = [packet for packet in reader.read() if reader.names[packet.tap] == ("customer", Kind.AUDIO)]
    numbers = [packet.sequence for packet in voice]
    assert len(numbers) == len(set(numbers))
    assert call.bridge.counters.audio_recovered + call.stats("customer").packets_lost_uplink


def test_another_numbering_is_another_generation() -> None:
    call, customer, _ = two_people()
    reader = Reader(call).attach()
    call.connect("customer", "agent")
    call.run(1.0)
    customer.audio.ssrc += 500
    customer.audio.sequence = 7
    call.run(1.0)
    voice = [packet for packet in reader.read() if reader.names[packet.tap] == ("customer", Kind.AUDIO)]
    assert {packet.generation for packet in voice} == {0, 1}


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_nobody_is_read_who_is_not_heard(seed: int) -> None:
    """A model of who may be read, against the bridge, in any order of everything that can be said to it."""
    dice = random.Random(seed)
    call = Call(seed)
    reader = Reader(call)
    present: list[str] = []
    connected: tuple[str, ...] = ()
    held = False
    muted: set[tuple[str, Kind]] = set()
    for _ in range(40):
        action = dice.choice(("join", "leave", "connect", "hold", "mute", "read", "unread"))
        now = call.clock.now
        if action == "join" and len(present) < 4:
            present.append(f"leg{call.clock.now}")
            call.join(present[-1])
        elif action == "leave" and present:
            gone = present.pop(dice.randrange(len(present)))
            call.leave(gone)
            connected = tuple(leg for leg in connected if leg != gone)
            muted = {(leg, kind) for leg, kind in muted if leg != gone}
        elif action == "connect" and present:
            connected = tuple(dice.sample(present, dice.randint(0, min(3, len(present)))))
            call.connect(*connected)
        elif action == "hold":
            held = dice.random() < 0.5
            call.bridge.hold(held, now)
        elif action == "mute" and present:
            name = (dice.choice(present), dice.choice(list(Kind)))
            (muted.discard if name in muted else muted.add)(name)
            call.bridge.mute(*name, name in muted, now)
        elif action == "read":
            reader.attach()
        elif action == "unread":
            call.bridge.studio = None
            call.bridge.rejoin(now)
        call.run(0.3)
        may = {(leg, kind) for leg in connected for kind in Kind} - muted
        if held or call.bridge.studio is None or len(connected) < 2:
            may = set()
        read = {reader.names[packet.tap] for packet in reader.read() if packet.arrival > now}
        assert read <= may
        assert {name for name in read if name[1] is Kind.AUDIO} == {name for name in may if name[1] is Kind.AUDIO}


def test_a_reader_that_does_not_read_costs_only_what_it_would_have_read() -> None:
    call, _, agent = two_people()
    reader = Reader(call)
    reader.feed = Feed(64 << 10)
    reader.feed.begin()
    reader.attach()
    call.connect("customer", "agent")
    call.run(5.0)
    assert reader.feed.dropped
    assert len(reader.feed.waiting()) <= 64 << 10
    assert reader.feed.message(b"stop") is True
    frames = agent.sinks[next(slot for slot in agent.sinks if slot.value == "main")].decodable()
    assert len(frames) > 140
    before = reader.feed.dropped
    read = reader.read()
    assert read
    assert len(read) < 5 * 340
    call.run(0.01)
    assert reader.feed.dropped == before
