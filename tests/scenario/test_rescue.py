"""Pictures of its own for a leg that cannot be served as the others are: begun when needed, seamless both ways."""

from itertools import pairwise

import msgspec
import pytest

from media.api import Slot
from media.bridge.allocation import Allocation
from media.bridge.inbound import InboundTrack
from media.bridge.outbound import OutboundTrack
from media.bridge.outbound_video import VideoOut
from media.bridge.player import Player
from media.bridge.rescue import BLIND_SECONDS, HOPELESS_SECONDS, RETRY_SECONDS, Rescuer, might_need
from media.bridge.tap import Feed, Tap
from media.wire.tapped import H264 as H264_CODEC, VP8 as VP8_CODEC, TappedPacket
from tests.sim.call import Call
from tests.sim.page import TYPES, Page, parameters
from tests.sim.source import H264, VP8

MADE = b"\x10" + b"\x00"
"""A VP8 payload whose descriptor begins a frame; the second byte of a key frame is even."""


class Kitchen:
    """Encodes as soon as it is told to, 25 pictures a second, and taps what it needs (Studio and Kitchen)."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.rescuer = Rescuer(call.bridge, self)
        self.feed = Feed()
        self.feed.begin()
        self.taps: dict[InboundTrack, Tap] = {}
        self.running: dict[int, int] = {}
        self.begun = 0
        self.full = False
        self.keys: set[int] = set()
        self.codecs: dict[int, int] = {}
        self.picture = 0
        call.bridge.studio = self
        call.clock.every(0.25, self._consider)
        call.clock.every(0.04, self._encode)

    # media.bridge.bridge.Studio
    def tap(self, leg_id: str, source: InboundTrack) -> Tap | None:
        if source not in self.rescuer.sources:
            return None
        return self.taps.setdefault(source, Tap(self.feed, len(self.taps), source.payload_types, self))

    def substitute(self, track: OutboundTrack, source: InboundTrack) -> Player | None:
        return self.rescuer.player(track, source)

    def sender_report(self, tap: int, ntp_time: int, rtp_timestamp: int, arrival: float) -> None:
        """Not looked at."""

    # media.bridge.rescue.Kitchen
    def begin(self, source: InboundTrack, bps: int, *, h264: bool) -> int | None:
        if self.full:
            return None
        self.begun += 1
        self.codecs[self.begun] = H264_CODEC if h264 else VP8_CODEC
        self.running[self.begun] = bps
        self.keys.add(self.begun)
        return self.begun

    def change_rate(self, number: int, bps: int) -> None:
        self.running[number] = bps

    def make_key_frame(self, number: int) -> None:
        self.keys.add(number)

    def end(self, number: int) -> None:
        self.running.pop(number, None)

    def _consider(self) -> None:
        if self.rescuer.consider(self.call.clock.now):
            self.call.bridge.rejoin(self.call.clock.now)

    def _encode(self) -> None:
        self.feed.sent(len(self.feed.waiting()))
        now = self.call.clock.now
        self.picture += 1
        for number in list(self.running):
            if self.picture < 5:
                continue  # the first picture takes its time
            key = number in self.keys
            self.keys.discard(number)
            head = bytes((0 if key else 1, 0, 1)) + (1_000_000 + self.picture).to_bytes(4)
            payload = b"\x10" + head + b"made"
            stamp = round(now * 90_000) & 0xFFFFFFFF
            self.rescuer.arrived(TappedPacket(self.codecs[number], True, key, number, 0, 0, stamp, now, payload), now)


def made(page: Page, since: float) -> list[bool]:
    """Which of the pictures since then were made for the page."""
    sink = page.sinks[Slot.MAIN]
    packets = (sink.packets[number] for number in sorted(sink.packets))
    return [packet.payload.endswith(b"made") for when, packet in packets if when >= since]


def room(call: Call, name: str, bps: float) -> None:
    """What the leg's downlink carries of pictures, said again and again as rate control does."""
    leg = call.legs[name]
    leg.rates._apply = lambda now: None  # type: ignore[method-assign]
    first = not leg.rates.allocation.video_paused and leg.rates.allocation.repeats == 1
    leg.rates.allocation = Allocation((), 1, bps, 0.0, False, 3)

    def say() -> None:
        for track in leg.outbound.values():
            if isinstance(track, VideoOut):
                bps = leg.rates.allocation.video_bps
                track.limit(bps, bps, False, call.clock.now)

    if first:
        call.clock.every(0.2, say)


def page_with(call: Call, base: int, **changes: int | None) -> Page:
    return Page(call.clock, base, base, parameters(base, msgspec.structs.replace(TYPES, **changes)))


def test_a_page_without_the_sources_codec_gets_pictures_and_a_page_with_it_is_left_alone() -> None:
    call = Call()
    agent = page_with(call, 5000, vp8=None, vp8_rtx=None)
    agent.video.payload_type = H264
    call.join("customer")
    call.join("agent", agent)
    customer_only_vp8 = page_with(call, 7000, h264=None)
    call.join("second", customer_only_vp8)
    assert not might_need(call.bridge)
    call.connect("second", "agent")
    assert might_need(call.bridge)
    kitchen = Kitchen(call)
    call.run(3.0)
    assert sorted(kitchen.codecs.values()) == [VP8_CODEC, H264_CODEC], "each gets what it has"
    assert all(made(customer_only_vp8, 0.0))
    assert len(made(customer_only_vp8, 0.0)) > 50
    assert customer_only_vp8.sinks[Slot.MAIN].missing() == []
    assert {packet.payload_type for packet in customer_only_vp8.sinks[Slot.MAIN].in_order()} == {VP8}
    call.connect("customer", "second")
    call.run(1.0)
    assert kitchen.running == {}


def h264_only(call: Call) -> Page:
    """A customer whose page has everything, and an agent whose page takes and sends H.264."""
    call.join("customer")
    agent = page_with(call, 5000, vp8=None, vp8_rtx=None)
    agent.video.payload_type = H264
    call.join("agent", agent)
    call.connect("customer", "agent")
    return agent


def test_a_page_that_has_nothing_but_h264_gets_h264() -> None:
    call = Call()
    agent = h264_only(call)
    assert might_need(call.bridge)
    kitchen = Kitchen(call)
    call.run(3.0)
    assert list(kitchen.codecs.values()) == [H264_CODEC]
    assert {packet.payload_type for packet in agent.sinks[Slot.MAIN].in_order()} == {H264}
    assert len(made(agent, 0.0)) > 50
    assert agent.sinks[Slot.MAIN].missing() == []
    assert kitchen.rescuer.blind(call.clock.now) == frozenset()


def test_where_nothing_is_made_for_a_page_it_is_known_until_something_is() -> None:
    call = Call()
    h264_only(call)
    kitchen = Kitchen(call)
    kitchen.full = True
    call.run(BLIND_SECONDS - 0.5)
    assert kitchen.rescuer.blind(call.clock.now) == frozenset(), "it may come yet"
    call.run(1.0)
    assert kitchen.rescuer.blind(call.clock.now) == {"agent"}
    kitchen.full = False
    call.run(RETRY_SECONDS)
    assert kitchen.rescuer.blind(call.clock.now) == frozenset()
    call.bridge.hold(True, call.clock.now)
    kitchen.full = True
    call.run(BLIND_SECONDS + 1)
    assert kitchen.rescuer.blind(call.clock.now) == frozenset(), "nothing is to be seen"


def test_without_an_encoder_it_is_tried_once_a_minute() -> None:
    call = Call()
    h264_only(call)
    kitchen = Kitchen(call)
    kitchen.picture = -1_000_000  # none comes
    for seconds in (1.0, HOPELESS_SECONDS - 2.0):
        call.run(seconds)
        assert kitchen.begun == 1
        for number in list(kitchen.running):
            kitchen.rescuer.ended(number, call.clock.now)
        assert kitchen.running == {}, "the codec worker is told to forget it"
    assert kitchen.rescuer.blind(call.clock.now) == {"agent"}
    call.run(4.0)
    assert kitchen.begun == 2


def three(call: Call) -> tuple[Page, Page, Page]:
    """A customer, seen by a strong and by a weak page."""
    pages = call.join("customer"), call.join("strong"), call.join("weak")
    call.connect("customer", "strong", "weak")
    call.run(1.0)
    return pages


@pytest.mark.interpreted
def test_one_weak_page_of_several_does_not_drag_the_others_down() -> None:
    call = Call()
    customer, strong, weak = three(call)
    kitchen = Kitchen(call)
    room(call, "customer", 2_000_000)
    room(call, "strong", 1_500_000)
    room(call, "weak", 200_000)
    source = call.legs["customer"].uplink
    call.run(0.5)
    assert source.video_limit_bps == 200_000
    call.run(1.5)
    assert kitchen.running == {}
    call.run(4.0)
    changed = call.clock.now
    call.run(1.0)
    assert source.video_limit_bps == 1_500_000
    assert all(made(weak, changed))
    assert len(made(weak, changed)) > 20
    assert not any(made(strong, 0.0))
    assert weak.sinks[Slot.MAIN].missing() == []
    assert set(kitchen.running.values()) == {200_000}
    room(call, "weak", 300_000)
    call.run(0.5)
    assert set(kitchen.running.values()) == {300_000}
    assert len(customer.camera.key_frames)


@pytest.mark.interpreted
def test_the_way_back_is_at_a_key_frame_without_a_pause() -> None:
    call = Call()
    _, _, weak = three(call)
    kitchen = Kitchen(call)
    room(call, "customer", 1_500_000)
    room(call, "strong", 1_500_000)
    room(call, "weak", 200_000)
    call.run(8.0)
    assert kitchen.running
    room(call, "weak", 1_400_000)
    call.run(9.0)
    assert kitchen.running
    call.run(3.0)
    assert kitchen.running == {}
    back = call.clock.now
    call.run(1.0)
    assert not any(made(weak, back))
    sink = weak.sinks[Slot.MAIN]
    times = [sink.packets[number][0] for number in sorted(sink.packets)]
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.15
    assert sink.missing() == []
    assert sink.conflicts == 0


@pytest.mark.interpreted
def test_refused_for_want_of_cpu_it_is_tried_again_later() -> None:
    call = Call()
    three(call)
    kitchen = Kitchen(call)
    kitchen.full = True
    room(call, "customer", 2_000_000)
    room(call, "strong", 1_500_000)
    room(call, "weak", 200_000)
    call.run(5.0)
    assert kitchen.rescuer.refused == 2  # it sees two people
    kitchen.full = False
    call.run(RETRY_SECONDS)
    assert kitchen.running


@pytest.mark.interpreted
@pytest.mark.parametrize("how", ["ended", "left", "closed"])
def test_whatever_ends_it_the_page_sees_the_source_again(how: str) -> None:
    call = Call()
    _, _, weak = three(call)
    kitchen = Kitchen(call)
    room(call, "customer", 2_000_000)
    room(call, "strong", 1_500_000)
    room(call, "weak", 200_000)
    call.run(6.0)
    assert kitchen.rescuer.active
    if how == "ended":
        kitchen.running.clear()
        kitchen.full = True
        kitchen.rescuer.ended(None, call.clock.now)
    elif how == "left":
        call.leave("strong")
        call.run(11.0)
    else:
        kitchen.rescuer.close()
        kitchen.full = True
        call.bridge.rejoin(call.clock.now)
    since = call.clock.now + 0.3
    call.run(2.0)
    assert kitchen.running == {}
    assert len(made(weak, since)) > 30
    assert not any(made(weak, since))
