"""Two people in a call over simulated links: what each hears and sees."""

from itertools import pairwise

import pytest

from media.api import Kind, Slot
from tests.sim.call import two_people
from tests.sim.sink import Sink


def steps(values: list[int]) -> set[int]:
    return {after - before for before, after in pairwise(values)}


def assert_whole(sink: Sink) -> None:
    assert sink.packets
    assert sink.missing() == []
    assert sink.duplicates == 0


def test_both_hear_and_see_each_other_without_a_gap() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(5)
    for listener, speaker in ((customer, agent), (agent, customer)):
        audio, video = listener.sinks[Slot.AUDIO], listener.sinks[Slot.MAIN]
        assert_whole(audio)
        assert_whole(video)
        assert steps(audio.words()) == {1}
        assert audio.words()[-1] >= speaker.microphone.number - 10
        assert len(video.decodable()) == len(video.frames()) > 140
        assert listener.sinks[Slot.SIDE].packets == listener.sinks[Slot.AUDIO_SIDE].packets == {}


def test_nothing_leaves_before_connect_but_feedback_comes_from_the_first_packet() -> None:
    call, customer, agent = two_people()
    call.run(2)
    for page in (customer, agent):
        assert all(not sink.packets for sink in page.sinks.values())
        assert sum(page.arrivals.values()) > 300
        assert page.estimates[0][1] == pytest.approx(2_500_000, rel=0.01)
        assert page.estimates[0][0] - 1000.0 < 0.25
        assert page.camera.requests == []
    assert all(track.sent.held == 0 for leg in call.legs.values() for track in leg.outbound.values())


def test_the_first_picture_comes_within_one_round_trip_of_the_answer() -> None:
    call, customer, agent = two_people()
    call.run(3)
    call.connect("customer", "agent")
    answered = call.clock.now
    call.run(1)
    for page in (customer, agent):
        frame = page.sinks[Slot.MAIN].decodable()[0]
        assert frame.key
        assert frame.completed - answered < 0.05 + 1 / 30 + 0.05 + 0.05 + 0.01  # request, next frame, up, down
        first_sound = min(time for time, _ in page.sinks[Slot.AUDIO].packets.values())
        assert first_sound - answered < 0.05 + 0.02 + 0.01


@pytest.mark.parametrize("side", ["up", "down"])
def test_loss_on_either_side_is_healed(side: str) -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(1)
    getattr(customer if side == "up" else agent, side).loss = 0.1
    call.run(8)
    getattr(customer if side == "up" else agent, side).loss = 0.0
    call.run(1.5)
    video = agent.sinks[Slot.MAIN]
    assert video.missing() == []
    shown = video.decodable()
    assert len(shown) > 0.99 * 30 * 10
    gaps = [after.completed - before.completed for before, after in pairwise(shown)]
    assert max(gaps) < 1.0  # what is older is given up
    assert call.outlets["agent"].retransmissions > (50 if side == "down" else 0)
    assert customer.camera.resent > (50 if side == "up" else -1)


def test_reordering_costs_no_order_and_few_requests() -> None:
    call, customer, agent = two_people()
    customer.up.jitter = 0.004
    agent.asks = False  # the far page has its own patience; here the server's counts
    call.connect("customer", "agent")
    call.run(5)
    video = agent.sinks[Slot.MAIN]
    assert_whole(video)
    assert len(video.decodable()) > 140
    assert customer.camera.resent < 10


def test_a_lossy_uplink_costs_nothing_of_the_audio_numbering() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    customer.up.loss = 0.2
    customer.answers_nack = False
    call.run(5)
    audio = agent.sinks[Slot.AUDIO]
    lost = 1 - len(audio.packets) / (audio.highest - min(audio.packets) + 1)
    assert 0.1 < lost < 0.3  # the gaps stay visible: the far side must conceal exactly what is missing


@pytest.mark.parametrize("silence", ["hold", "mute"])
def test_numbering_is_continuous_after_a_silence(silence: str) -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(2)

    def be_silent(silent: bool) -> None:
        if silence == "hold":
            call.bridge.hold(silent, call.clock.now)
        else:
            for kind in Kind:
                call.bridge.mute("customer", kind, silent, call.clock.now)

    be_silent(True)
    call.run(0.2)
    heard = len(agent.sinks[Slot.AUDIO].packets)
    call.run(3)
    assert len(agent.sinks[Slot.AUDIO].packets) == heard
    assert (len(customer.sinks[Slot.AUDIO].packets) > 200) == (silence == "mute")
    be_silent(False)
    call.run(2)
    audio, video = agent.sinks[Slot.AUDIO], agent.sinks[Slot.MAIN]
    assert_whole(audio)
    assert_whole(video)
    timestamps = audio.timestamps()
    pause = max(steps(timestamps))
    assert 3.1 * 48000 < pause < 3.4 * 48000  # the clock ran on, so the far jitter buffer sees a pause, not a jump
    after = [frame for frame in video.frames() if frame.completed > call.clock.now - 2]
    assert after[0].key
    assert video.decodable()[-1].number == video.frames()[-1].number


def test_numbering_and_time_continue_when_the_source_changes() -> None:
    call, customer, first_agent = two_people()
    call.connect("customer", "agent")
    call.run(2)
    second_agent = call.join("second")
    call.run(1)
    call.connect("customer", "second")
    call.run(2)
    audio, video = customer.sinks[Slot.AUDIO], customer.sinks[Slot.MAIN]
    assert_whole(audio)
    assert_whole(video)
    assert min(steps(audio.timestamps())) > 0
    assert max(steps(audio.timestamps())) < 0.1 * 48000
    assert min(steps(video.timestamps())) >= 0
    assert max(steps(video.timestamps())) < 0.3 * 90000
    assert video.decodable()[-1].number > second_agent.camera.frame - 6
    heard = len(first_agent.sinks[Slot.AUDIO].packets)
    call.run(1)
    assert len(first_agent.sinks[Slot.AUDIO].packets) == heard


def test_a_leg_that_leaves_says_goodbye_and_its_place_can_be_taken() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(2)
    call.leave("agent")
    call.run(1)
    assert set(agent.goodbyes) == {agent.sinks[Slot.AUDIO].ssrc, agent.sinks[Slot.MAIN].ssrc}
    call.join("again")
    call.connect("customer", "again")
    call.run(2)
    for slot in (Slot.AUDIO, Slot.MAIN):
        assert_whole(customer.sinks[slot])
    assert 0.9 * 48000 < max(steps(customer.sinks[Slot.AUDIO].timestamps())) < 1.3 * 48000


def test_a_third_leg_is_heard_and_seen_in_the_side_slots() -> None:
    call, *_ = two_people()
    call.connect("customer", "agent")
    call.run(1)
    call.join("supervisor")
    call.connect("customer", "agent", "supervisor")
    call.run(2)
    for page in call.pages.values():
        for slot in (Slot.AUDIO, Slot.MAIN, Slot.SIDE, Slot.AUDIO_SIDE):
            assert_whole(page.sinks[slot])
            if page.sinks[slot].kind is Kind.VIDEO:
                assert page.sinks[slot].decodable()[-1].number > 50


def test_downlinks_have_transport_numbers_of_their_own_without_a_gap() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    customer.up.loss = 0.05
    call.run(4)
    numbers = agent.transport_numbers
    assert {(after - before) & 0xFFFF for before, after in pairwise(numbers)} == {1}
