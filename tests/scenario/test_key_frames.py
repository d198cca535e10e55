"""Key frames: asked for at once, never in a storm, until one comes; nothing undecodable is forwarded."""

from itertools import pairwise

from media.api import Slot
from media.wire.rtcp_feedback import build_fir, build_pli
from tests.sim.call import two_people
from tests.sim.page import Page, parameters
from tests.sim.source import Camera


def test_a_subscriber_gets_nothing_before_a_key_frame() -> None:
    call, customer, agent = two_people()
    call.run(1)
    customer.camera.wish = lambda: None  # type: ignore[method-assign]
    call.connect("customer", "agent")
    call.run(2)
    assert agent.sinks[Slot.MAIN].packets == {}
    assert agent.sinks[Slot.AUDIO].packets
    customer.camera.key_wanted = True
    call.run(0.5)
    frames = agent.sinks[Slot.MAIN].frames()
    assert frames[0].key
    assert len(frames) > 8


def test_requests_are_repeated_with_growing_intervals_until_one_is_answered() -> None:
    call, customer, agent = two_people()
    call.run(1)
    Camera.wish, requests = (lambda camera: camera.requests.append(camera.stream.transport.clock.now)), Camera.wish
    try:
        call.connect("customer", "agent")
        call.run(10)
    finally:
        Camera.wish = requests  # type: ignore[method-assign]
    times = customer.camera.requests
    intervals = [after - before for before, after in pairwise(times)]
    assert min(intervals) >= 0.3
    assert max(intervals) <= 2.1
    assert intervals == sorted(intervals)
    assert 5 <= len(times) <= 9
    customer.camera.key_wanted = True
    call.run(5)
    assert len(customer.camera.requests) == len(times)
    assert len(agent.sinks[Slot.MAIN].decodable()) > 140


def test_a_storm_of_requests_reaches_the_source_as_few() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(2)
    before = len(customer.camera.requests)
    ssrc = agent.sinks[Slot.MAIN].ssrc
    call.clock.every(0.01, lambda: agent.up.send(build_pli(1, ssrc) + build_fir(1, [(ssrc, 1)])))
    call.run(3)
    assert 8 <= len(customer.camera.requests) - before <= 11


def test_the_first_request_of_a_viewer_goes_through_at_once() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(2)
    asked = call.clock.now
    agent.sinks[Slot.MAIN].ask_key_frame(agent.up.send)
    call.run(0.2)
    assert abs(customer.camera.requests[-1] - asked - 0.1) < 1e-6


def test_a_page_without_pli_is_asked_by_fir() -> None:
    call, *_ = two_people()
    page = Page(call.clock, 9000, 3, parameters(9000, pli=False))
    call.join("old", page)
    call.run(1)
    call.connect("old", "agent")
    call.run(1)
    assert len(page.camera.requests) == 1
    assert [raw.item_count for raw in page.rtcp if raw.packet_type == 206 and raw.item_count != 15] == [4]


def test_a_key_frame_whose_first_packet_is_lost_is_still_shown() -> None:
    call, customer, agent = two_people()
    call.run(1)
    lost: list[bytes] = []

    def lose_the_start(datagram: bytes) -> bool:
        descriptor = datagram.find(bytes((0, 0, 4)) + customer.camera.frame.to_bytes(4))
        if descriptor > 0 and not lost:
            lost.append(datagram)
            return True
        return False

    customer.up.lose = lose_the_start
    call.connect("customer", "agent")
    call.run(3)
    assert lost
    video = agent.sinks[Slot.MAIN]
    assert len(customer.camera.key_frames) == 2  # the first ever and the one asked for: the lost packet was repaired
    assert video.missing() == []
    assert len(video.decodable()) > 80


def test_loss_beyond_repair_ends_in_a_key_frame() -> None:
    call, customer, agent = two_people()
    agent.asks = False
    call.connect("customer", "agent")
    call.run(2)
    customer.answers_nack = False
    customer.up.loss = 1.0
    call.run(0.1)
    customer.up.loss = 0.0
    call.run(3)
    assert len(customer.camera.key_frames) >= 3
    assert agent.sinks[Slot.MAIN].decodable()[-1].number > customer.camera.frame - 6
