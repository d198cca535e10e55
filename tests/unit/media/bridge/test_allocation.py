"""Who gets how much of a leg's target."""

import pytest
from hypothesis import given, strategies as st

from media.bridge.allocation import EARLY_SECONDS, MIN_VIDEO_BPS, RESUME_SECONDS, Allocator, LinkView, parity_ratio


def _view(target_bps: float, loss: float = 0.0, burst: float = 1.0, rtt: float = 0.1) -> LinkView:
    return LinkView(target_bps, loss, burst, rtt, audio_bps=61_000, audio_payload_bps=32_000)


def test_a_clean_link_carries_no_protection() -> None:
    allocation = Allocator().split(_view(2_500_000), 0.0)
    assert allocation == ((), 1, pytest.approx(2_439_000), 0.0, False, 1)


def test_a_lossy_link_gets_copies_and_parity_and_keeps_its_rate() -> None:
    allocation = Allocator().split(_view(2_500_000, loss=0.3), 0.0)
    assert allocation.distances == (1, 2, 3, 4)
    assert 0.4 < allocation.parity <= 0.6
    assert allocation.repeats == 2
    assert allocation.video_bps > 900_000


def test_over_a_satellite_rare_losses_are_protected_against_because_asking_comes_too_late() -> None:
    cases = ((0.004, 0.2), (0.004, 0.65), (0.0, 0.65))
    split = [Allocator().split(_view(1_500_000, loss=loss, rtt=rtt), 0.0) for loss, rtt in cases]
    assert [bool(allocation.distances) for allocation in split] == [False, True, False]
    assert [allocation.parity > 0.0 for allocation in split] == [False, True, False]


def test_where_requests_get_lost_as_well_more_pictures_must_come_whole_by_themselves() -> None:
    view = _view(3_500_000, loss=0.2)._replace(video_max_bps=1_200_000)
    heard, unheard = (Allocator().split(view._replace(asking_loss=loss), 0.0).parity for loss in (0.0, 0.2))
    assert unheard > 1.2 * heard


def test_voice_comes_before_pictures_on_a_narrow_lossy_link() -> None:
    allocation = Allocator().split(_view(150_000, loss=0.3), 0.0)
    assert len(allocation.distances) >= 1
    assert allocation.video_paused
    assert allocation.video_bps == 0.0


def test_140_kbps_is_enough_for_small_pictures_70_is_not() -> None:
    assert not Allocator().split(_view(140_000), 0.0).video_paused
    assert Allocator().split(_view(70_000), 0.0).video_paused


def test_frames_are_joined_where_headers_are_too_dear() -> None:
    assert [Allocator().split(_view(t), 0.0).join_frames for t in (190_000, 80_000, 50_000, 30_000)] == [1, 2, 2, 3]
    assert Allocator().split(_view(70_000), 0.0).join_frames == 1, "no pictures even then: voice is not delayed for it"
    dear_voice = _view(250_000)._replace(audio_bps=180_000)
    assert Allocator().split(dear_voice, 0.0).join_frames == 1, "wide enough"


def test_frames_are_not_parted_and_joined_again_with_every_move_of_the_target() -> None:
    allocator = Allocator()
    joined = [
        allocator.split(_view(t), 0.0).join_frames for t in (150_000, 170_000, 185_000, 200_000, 185_000, 160_000)
    ]
    assert joined == [2, 2, 2, 1, 1, 2]


def test_pictures_come_back_only_after_there_was_room_for_a_while() -> None:
    allocator = Allocator()
    assert allocator.split(_view(70_000), 0.0).video_paused
    assert allocator.split(_view(150_000), 1.0).video_paused
    assert allocator.split(_view(70_000), 2.0).video_paused
    assert allocator.split(_view(150_000), 3.0).video_paused
    assert allocator.split(_view(150_000), 3.0 + RESUME_SECONDS - 0.1).video_paused
    assert not allocator.split(_view(150_000), 3.0 + RESUME_SECONDS + 0.1).video_paused


def test_pictures_that_did_not_last_are_waited_for_longer_each_time() -> None:
    allocator, now, waited = Allocator(), 0.0, []
    for _ in range(6):
        assert allocator.split(_view(70_000), now).video_paused
        paused_at = now
        while allocator.split(_view(150_000), now).video_paused:
            now += 0.1
        waited.append(round(now - paused_at))
        now += 1.0
    assert waited == [2, 4, 8, 16, 16, 16]
    now += EARLY_SECONDS
    assert not allocator.split(_view(150_000), now).video_paused
    assert allocator.split(_view(70_000), now).video_paused
    assert allocator.split(_view(150_000), now + 0.1).video_paused
    assert not allocator.split(_view(150_000), now + 0.2 + RESUME_SECONDS).video_paused


def test_pictures_come_back_at_once_where_there_is_ample_room() -> None:
    allocator = Allocator()
    assert allocator.split(_view(70_000), 0.0).video_paused
    assert allocator.split(_view(900_000), 1.0).video_paused
    assert not allocator.split(_view(900_000), 1.7).video_paused


def test_room_that_is_ample_again_and_again_is_not_ample_for_a_while() -> None:
    allocator = Allocator()
    assert allocator.split(_view(70_000), 0.0).video_paused
    for target, now in ((900_000, 1.0), (150_000, 1.4), (900_000, 1.5), (900_000, 1.7)):
        assert allocator.split(_view(target), now).video_paused
    assert not allocator.split(_view(900_000), 2.2).video_paused


def test_while_a_queue_drains_the_source_sends_a_little_less_not_much_less() -> None:
    video = Allocator().split(_view(2_000_000), 0.0).video_bps
    draining = Allocator().split(_view(500_000)._replace(sustained_bps=2_000_000), 0.0)
    assert draining.video_bps == pytest.approx(0.8 * video)
    assert Allocator().split(_view(2_000_000)._replace(sustained_bps=500_000), 0.0).video_bps == video


@pytest.mark.parametrize(
    ("loss", "burst", "repeats"), [(0.05, 1, 1), (0.15, 1, 2), (0.15, 3, 1), (0.45, 1, 3), (0.45, 3, 3)]
)
def test_retransmissions_leave_more_than_once_where_they_are_lost_and_not_in_one_row(
    loss: float, burst: float, repeats: int
) -> None:
    assert Allocator().split(_view(2_500_000, loss, burst), 0.0).repeats == repeats


def test_parity_grows_with_bursts_and_yields_to_pictures_that_are_small_enough_already() -> None:
    assert parity_ratio(0.1, 5.0, rtt=0.2, left_bps=1e6) == pytest.approx(1.7 * 0.1 / 0.9)
    assert parity_ratio(0.1, 1.0, rtt=0.2, left_bps=1e6) == pytest.approx(1.3 * 0.1 / 0.9)
    assert parity_ratio(0.1, 1.0, rtt=0.2, left_bps=2 * MIN_VIDEO_BPS - 1) == 0.0


def test_a_fast_retransmission_needs_no_parity() -> None:
    assert parity_ratio(0.03, 1.0, rtt=0.02, left_bps=1e6) == 0.0
    assert parity_ratio(0.03, 1.0, rtt=0.2, left_bps=1e6) > 0.0


@given(st.floats(10_000, 1e8), st.floats(0, 1), st.floats(1, 100), st.floats(0.001, 5), st.floats(0, 200_000))
def test_the_parts_never_exceed_the_target(target: float, loss: float, burst: float, rtt: float, audio: float) -> None:
    allocation = Allocator().split(LinkView(target, loss, burst, rtt, audio, audio / 2), 0.0)
    assert allocation.video_bps >= 0.0
    assert allocation.video_bps * (1 + allocation.parity) <= max(target, 0.0)
    assert allocation.video_paused or allocation.video_bps >= MIN_VIDEO_BPS
