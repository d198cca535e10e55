"""Music, notices and the hold picture in a leg's slots: continuous, in time, and out of the way of people."""

from itertools import pairwise

import pytest

from media.api import Slot
from media.bridge.player import Picture
from media.bridge.rate_control import EXTRAS_PATIENCE
from media.bridge.stage import Clip
from media.wire.rtp import RtpPacket
from tests.sim.browser import Browser
from tests.sim.call import Call, two_people
from tests.sim.sink import Sink

MUSIC = Clip("waiting", tuple(b"\xfcmusic" + bytes((n,)) for n in range(10)), repeat=True)
PICTURE = Picture((b"\x10\x00picture one", b"\x00picture two"), (b"\x10\x01same",))
HOLD = Clip("hold", MUSIC.voice, PICTURE, repeat=True)
NOTICE = Clip("recording_started.en", tuple(b"\xfcnotice" + bytes((n,)) for n in range(50)))


def known() -> tuple[Call, Browser, Browser]:
    """Two who are there for long enough that the way to them is known, or taken for good."""
    call, customer, agent = two_people()
    call.run(EXTRAS_PATIENCE)
    return call, customer, agent


def payloads(sink: Sink, since: float = 0.0) -> list[bytes]:
    return [packet.payload for when, packet in (sink.packets[n] for n in sorted(sink.packets)) if when >= since]


def is_music(packet: RtpPacket) -> bool:
    return packet.payload.startswith(b"\xfcmusic")


def test_music_plays_before_anybody_answers_and_ends_when_somebody_does() -> None:
    call, customer, _ = known()
    call.bridge.play("customer", MUSIC, call.clock.now)
    call.run(2.0)
    sink = customer.sinks[Slot.AUDIO]
    packets = sink.in_order()
    assert len(packets) == pytest.approx(100, abs=2)
    assert [packet.payload[-1] for packet in packets[:25]] == [n % 10 for n in range(25)]
    assert {after - before for before, after in pairwise(sink.timestamps())} == {960}
    answered = call.clock.now
    call.connect("customer", "agent")
    call.run(1.0)
    assert not any(is_music(packet) for when, packet in sink.packets.values() if when > answered + 0.1)
    assert sink.missing() == []  # one numbering for music and voice
    assert len(sink.in_order()) > 140


def test_the_first_packet_leaves_at_once_and_twenty_milliseconds_are_kept() -> None:
    call, customer, _ = known()
    began = call.clock.now
    call.bridge.play("customer", MUSIC, began)
    call.run(1.0)
    times = sorted(when for when, _ in customer.sinks[Slot.AUDIO].packets.values())
    assert times[0] - began < 0.08
    assert max(after - before for before, after in pairwise(times)) < 0.03


def test_hold_music_and_picture_come_on_hold_only() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.bridge.play("customer", HOLD, call.clock.now)
    call.run(1.0)
    assert not any(map(is_music, customer.sinks[Slot.AUDIO].in_order()))
    held_at = call.clock.now
    call.bridge.hold(True, held_at)
    call.run(12.5)
    heard = payloads(customer.sinks[Slot.AUDIO], held_at + 0.1)
    assert len(heard) == pytest.approx(620, abs=10)
    assert all(payload.startswith(b"\xfcmusic") for payload in heard)
    seen = payloads(customer.sinks[Slot.MAIN], held_at)
    assert seen.count(PICTURE.key[0]) == 2
    assert seen.count(PICTURE.same[0]) == pytest.approx(11, abs=1)
    assert customer.sinks[Slot.MAIN].missing() == []
    back = call.clock.now
    call.bridge.hold(False, back)
    call.run(1.0)
    assert not any(p.startswith(b"\xfcmusic") for p in payloads(customer.sinks[Slot.AUDIO], back + 0.1))
    assert not any(map(is_music, agent.sinks[Slot.AUDIO].in_order()))


def test_a_page_that_lost_the_picture_gets_it_again_when_it_asks() -> None:
    call, customer, _ = known()
    call.bridge.play("customer", HOLD, call.clock.now)
    call.run(2.0)
    customer.sinks[Slot.MAIN].ask_key_frame(customer.up.send)
    call.run(0.5)
    assert payloads(customer.sinks[Slot.MAIN]).count(PICTURE.key[0]) == 2
    for _ in range(20):
        customer.sinks[Slot.MAIN].ask_key_frame(customer.up.send)
    call.run(0.25)
    assert payloads(customer.sinks[Slot.MAIN]).count(PICTURE.key[0]) <= 3


def test_a_notice_is_heard_over_a_running_call_and_tells_when_it_ends() -> None:
    call, customer, _ = two_people()
    call.connect("customer", "agent")
    call.run(1.0)
    ended: list[str] = []
    call.bridge.play("customer", NOTICE, call.clock.now)
    stage = call.bridge.stage("customer")
    assert stage is not None
    stage.ended = ended.append
    assert stage.playing == (NOTICE.name,)
    call.run(0.9)
    assert ended == []
    call.run(0.2)
    assert ended == [NOTICE.name]
    assert stage.playing == ()
    assert payloads(customer.sinks[Slot.AUDIO_SIDE]) == list(NOTICE.voice)
    voice = customer.sinks[Slot.AUDIO].words()
    assert voice == list(range(voice[0], voice[0] + len(voice)))
    call.run(0.5)
    assert len(customer.sinks[Slot.AUDIO_SIDE].packets) == 50


def test_a_notice_interrupts_the_music_and_the_music_goes_on() -> None:
    call, customer, _ = known()
    call.bridge.play("customer", MUSIC, call.clock.now)
    call.run(0.3)
    call.bridge.play("customer", NOTICE, call.clock.now)
    call.run(2.0)
    heard = [payload[1:7] for payload in payloads(customer.sinks[Slot.AUDIO])]
    kinds = [heard[0], *(after for before, after in pairwise(heard) if before[:5] != after[:5])]
    assert [kind[:5] for kind in kinds] == [b"music", b"notic", b"music"]
    assert customer.sinks[Slot.AUDIO].missing() == []


def test_nothing_plays_after_stop_and_it_may_be_said_before_the_leg_is_made() -> None:
    call = Call()
    call.bridge.play("late", MUSIC, call.clock.now)
    late = call.join("late")
    call.run(1.0)
    assert late.sinks[Slot.AUDIO].packets
    call.bridge.play("late", None, call.clock.now)
    call.run(0.2)
    before = len(late.sinks[Slot.AUDIO].packets)
    call.run(1.0)
    assert len(late.sinks[Slot.AUDIO].packets) == before


def test_music_said_twice_goes_on_instead_of_beginning_again() -> None:
    call, customer, _ = known()
    call.bridge.play("customer", MUSIC, call.clock.now)
    call.run(0.5)
    call.bridge.play("customer", MUSIC, call.clock.now)
    call.run(0.5)
    numbers = [payload[-1] for payload in payloads(customer.sinks[Slot.AUDIO])]
    assert all((before + 1) % 10 == after for before, after in pairwise(numbers))
