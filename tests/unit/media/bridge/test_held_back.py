"""What a narrow link asks of what is not voice: music waits without falling behind its clock, feedback comes seldom."""

from typing import Any

import pytest

from media.bridge.lossiness import FLUENT_BPS
from media.bridge.player import VoicePlayer
from media.bridge.uplink import SLOWEST_FEEDBACK
from media.bwe.estimator import EMPTY_QUEUE_SECONDS, Estimator
from media.receive.arrivals import FAST_INTERVAL, ArrivalRecorder
from media.send.pacer import MIN_BURST_SECONDS, NARROW_HEADROOM, Pacer
from media.wire.rtp import RtpPacket, build_packet
from tests.unit.media.bridge.test_leg import buffer, joined


class Listening(VoicePlayer):
    def __init__(self) -> None:
        super().__init__(tuple(bytes((0xFC, n)) for n in range(10)), repeat=True)
        self.heard: list[tuple[float, int]] = []

    def send(self, payload: bytes, payload_type: int, timestamp: int, *, now: float, **_: Any) -> None:
        self.heard.append((now, timestamp))


def test_time_passes_in_the_timestamps_of_music_that_waits() -> None:
    player = Listening()
    for step in range(200):
        now = step * 0.02
        if 50 <= step < 100:
            player.wait(now)
        elif player.next_timeout() <= now:
            player.poll(now)
    lateness = [now - timestamp / 48_000 for now, timestamp in player.heard]
    assert len(player.heard) == pytest.approx(145, abs=3)
    assert max(lateness) - min(lateness) <= 0.021, "a receiver would hold all that follows for as long"


def test_feedback_takes_no_more_than_its_share_of_the_way_to_the_page() -> None:
    _, one, *_ = joined()
    for bps, seconds in ((40_000, SLOWEST_FEEDBACK), (100_000, 0.16), (5_000_000, FAST_INTERVAL)):
        one.uplink.spare(bps, 0.0)
        arrivals = ArrivalRecorder()
        arrivals.least_interval = one.uplink.arrivals.least_interval
        arrivals.record(1, 0.0)
        arrivals.feedback(1, 2, 1.0)
        assert arrivals.due == pytest.approx(1.0 + seconds)


def test_a_narrow_link_gets_no_burst_that_voice_would_wait_behind() -> None:
    pacer = Pacer(100_000)
    sent = sum(pacer.admit(500, 10.0) for _ in range(10)) * 500
    assert sent <= 100_000 * NARROW_HEADROOM / 8 * MIN_BURST_SECONDS + 500


def test_nothing_is_probed_into_a_queue() -> None:
    estimator = Estimator()
    estimator.queue_seconds = EMPTY_QUEUE_SECONDS + 0.01
    assert estimator.plan_probe(2e6, 1.0) is None
    estimator.queue_seconds = 0.0
    assert estimator.plan_probe(2e6, 1.0) is not None


def test_a_leg_that_sends_nothing_keeps_its_estimate() -> None:
    estimator = Estimator()
    for sequence in range(40):
        estimator.sent(sequence, sequence * 0.02, 1000, 0)
    estimator.feedback([(sequence, 5.0 + sequence * 0.02) for sequence in range(40)], 0.9)
    known = estimator.sustained_bps
    for step in range(100):
        estimator.silence(1.0 + step * 0.1, 39)
    assert estimator.sustained_bps == known
    for step in range(100):
        estimator.silence(11.0 + step * 0.1, 200)
    assert estimator.sustained_bps < known / 2


def test_a_page_whose_voice_stands_in_a_queue_is_told_once_and_once_more_when_it_does_not() -> None:
    _, one, *_ = joined()
    told: list[bool] = []
    one.uplink.tell = lambda full, _: told.append(full)
    late = 0.0
    for step in range(200):
        late = min(late + 0.01, 0.5) if step < 100 else max(late - 0.01, 0.0)
        now = step * 0.02 + late
        one.receive_rtp(buffer(voice(step)), now)
        if step % 5 == 0:
            one.poll(now, 0)
    assert told == [True, False]


def test_a_queue_counts_when_it_is_seen_twice_and_until_it_is_nearly_gone() -> None:
    _, one, *_ = joined()
    full = []
    for queued in (0.5, 0.0, 0.5, 0.5, 0.2, 0.2, 0.2, 0.05):
        one.uplink.judge(queued)
        full.append(one.uplink.full)
    assert full == [False, False, False, True, True, True, True, False]


def test_copies_of_feedback_are_few_and_paid_for_by_saying_it_less_often() -> None:
    _, one, *_ = joined()
    said = []
    for loss in (0.0, 0.1, 0.5):
        one.uplink.spare(1_000_000, loss)
        said.append((one.uplink.copies, one.uplink.arrivals.least_interval))
    assert said == [(1, pytest.approx(0.016)), (2, pytest.approx(0.032)), (4, pytest.approx(0.064))]


def test_a_large_feedback_and_that_of_another_path_are_not_said_again() -> None:
    _, one, *_ = joined()
    one.uplink.spare(1_000_000, 0.1)
    repeated = one.uplink._repeated
    assert [repeated([b"one"]), repeated([b"two"])] == [[b"one"], [b"one", b"two"]]
    assert [repeated([bytes(601)]), repeated([b"four"])] == [[b"two", bytes(601)], [b"four"]]
    one.uplink.path_changed()
    assert repeated([b"five"]) == [b"five"]


def voice(step: int) -> bytes:
    return build_packet(RtpPacket(111, step, step * 960, 1001, payload=b"\xfc" * 40))


def test_loss_by_chance_is_told_and_taken_back_below_it_and_much_of_it_limits_pictures() -> None:
    _, one, *_ = joined()
    told: list[bool] = []
    limits = []
    one.uplink.tell = lambda _, lossy: told.append(lossy)
    for loss in (0.02, 0.04, 0.02, 0.01, 0.3, 0.2, 0.1, 0.0):
        one.uplink.loss.random_loss = loss
        one.uplink.judge(0.0)
        limits.append(one.uplink.lossiness.fluent_bps)
    assert told == [True, False, True, False]
    free, some, much = FLUENT_BPS
    assert limits == [free, some, some, free, much, much, some, free]
    for loss, step in ((0.3, 2), (0.0, 0)):  # as many steps at once as it takes
        one.uplink.loss.random_loss = loss
        one.uplink.judge(0.0)
        assert one.uplink.lossiness.step == step
    told[4:] = []
    one.uplink.loss.random_loss, one.uplink.loss.limit_bps = 0.3, 100_000.0
    one.uplink.judge(0.0)
    assert len(told) == 4  # a full link loses packets as well
