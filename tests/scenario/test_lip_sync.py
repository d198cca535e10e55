"""What was captured together is told to be played together: the mapping of sender reports through the bridge."""

from media.api import Slot
from media.wire.ntp import seconds_from_ntp
from media.wire.rtcp import SenderReport
from media.wire.serial import delta32
from tests.sim.call import Call, two_people
from tests.sim.page import Page
from tests.sim.sink import Sink


def capture_time(report: SenderReport, timestamp: int, clock_hz: int) -> float:
    """NTP seconds at which a receiver believes this RTP timestamp was captured."""
    return seconds_from_ntp(report.ntp_time) + delta32(timestamp, report.rtp_timestamp) / clock_hz


def skew(listener: Page) -> float:
    """How far apart a receiver plays a word and a picture that were captured in the same moment.

    A microphone's packet n is captured at 20n ms and a camera's frame m at (m - 1)/30 s after the start.
    """
    audio, video = listener.sinks[Slot.AUDIO], listener.sinks[Slot.MAIN]
    word = audio.in_order()[-1]
    frame = video.frames()[-1]
    spoken = (int.from_bytes(word.payload[4:8]) - 1) * 0.02
    shown = (frame.number - 1) / 30
    heard = capture_time(audio.reports[-1][1], word.timestamp, 48000) - spoken
    seen = capture_time(video.reports[-1][1], frame.timestamp, 90000) - shown
    return heard - seen


def connected(seed: int = 7) -> tuple[Call, Page, Page]:
    call, customer, agent = two_people(seed)
    call.connect("customer", "agent")
    return call, customer, agent


def test_sound_and_picture_stay_together_across_the_server() -> None:
    call, customer, agent = connected()
    call.run(6)
    assert abs(skew(agent)) < 0.005
    assert abs(skew(customer)) < 0.005


def test_they_stay_together_when_the_uplink_delays_the_picture() -> None:
    call, customer, agent = connected()
    call.run(3)
    customer.up.jitter = 0.2  # a queue: arrival times say nothing any more
    call.run(6)
    assert abs(skew(agent)) < 0.02


def test_they_come_together_again_after_a_change_of_source() -> None:
    call, customer, _ = connected()
    call.run(3)
    call.join("second")
    call.run(2)
    call.connect("customer", "second")
    call.run(1.2)  # the reports right after the change carry the new mapping
    second = call.pages["second"]
    audio, video = customer.sinks[Slot.AUDIO], customer.sinks[Slot.MAIN]
    started = second.microphone.number * 0.02 - second.camera.frame / 30
    assert abs(started) < 0.05
    assert abs(skew(customer)) < 0.05
    call.run(4)
    assert abs(skew(customer)) < 0.05
    assert audio.missing() == video.missing() == []


def test_without_reports_of_the_source_arrival_serves() -> None:
    call, customer, agent = two_people()
    customer.audio.report = lambda: None  # type: ignore[method-assign]
    customer.video.report = lambda: None  # type: ignore[method-assign]
    call.connect("customer", "agent")
    call.run(4)
    assert abs(skew(agent)) < 0.05


def test_a_receiver_gets_reports_of_both_streams_right_after_the_start() -> None:
    call, _, agent = connected()
    started = call.clock.now
    call.run(1)
    for slot in (Slot.AUDIO, Slot.MAIN):
        sink: Sink = agent.sinks[slot]
        assert sink.reports[0][0] - started < 0.5
