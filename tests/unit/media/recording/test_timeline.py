"""From RTP timestamps to call time: reports, drift, steps, jumps, nonsense."""

import random
from itertools import pairwise

from hypothesis import given, strategies as st

from media.recording.timeline import LegClock, StreamClock
from media.wire.ntp import ntp_from_unix

AUDIO, VIDEO = 48_000, 90_000
WALL = 1_700_000_000.0


def arrival_of(sent: float, dice: random.Random, delay: float = 0.05) -> float:
    return sent + delay + dice.expovariate(100)


def test_before_a_report_the_least_transit_time_places_packets() -> None:
    dice = random.Random(1)
    clock = StreamClock(LegClock(), AUDIO)
    placed = [clock.time_of(index * 960, arrival_of(index * 0.02, dice)) - index * 0.02 for index in range(500)]
    assert all(abs(late - 0.05) < 0.01 for late in placed[100:])


def test_voice_and_picture_meet_by_their_reports_whatever_the_network_does_to_one_of_them() -> None:
    """Pictures come 150 ms later than voice (a pacer, a big encoder delay): their reports tell that."""
    dice = random.Random(2)
    leg = LegClock()
    voice, picture = StreamClock(leg, AUDIO), StreamClock(leg, VIDEO)
    apart = []
    for index in range(3000):
        sent = index * 0.02
        if index % 50 == 7:
            now = sent + 0.05
            voice.report(ntp_from_unix(WALL + sent), int(sent * AUDIO), now)
            picture.report(ntp_from_unix(WALL + sent), int(sent * VIDEO), now)
        heard = voice.time_of(int(sent * AUDIO), arrival_of(sent, dice))
        seen = picture.time_of(int(sent * VIDEO), arrival_of(sent, dice, 0.2))
        apart.append(abs(heard - seen))
    assert max(apart[:5]) > 0.1
    assert max(apart[200:]) < 0.005


def test_clocks_that_drift_are_followed_for_an_hour() -> None:
    dice = random.Random(3)
    leg = LegClock()
    voice, picture = StreamClock(leg, AUDIO), StreamClock(leg, VIDEO)
    for index in range(180_000):
        sent = index * 0.02
        wall, sound = sent * (1 - 200e-6), sent * (1 + 100e-6)
        if index % 250 == 0:
            noise = dice.gauss(0, 0.004)
            voice.report(ntp_from_unix(WALL + wall), int((sound + noise) * AUDIO) & 0xFFFFFFFF, sent + 0.05)
            picture.report(ntp_from_unix(WALL + wall), int(wall * VIDEO) & 0xFFFFFFFF, sent + 0.05)
        heard = voice.time_of(int(sound * AUDIO) & 0xFFFFFFFF, arrival_of(sent, dice))
        if index % 5 == 0:
            seen = picture.time_of(int(wall * VIDEO) & 0xFFFFFFFF, arrival_of(sent, dice))
            if index > 5000:
                assert abs(heard - seen) < 0.02
                assert abs(heard - sent - 0.05) < 0.03


def test_a_wall_clock_that_is_set_moves_nothing() -> None:
    leg = LegClock()
    voice, picture = StreamClock(leg, AUDIO), StreamClock(leg, VIDEO)
    for index in range(3000):
        sent = index * 0.02
        wall = WALL + sent + (3600.0 if sent > 20 else 0.0)
        if index % 50 == 0:
            voice.report(ntp_from_unix(wall), int(sent * AUDIO), sent + 0.05)
            picture.report(ntp_from_unix(wall), int(sent * VIDEO), sent + 0.05)
        heard = voice.time_of(int(sent * AUDIO), sent + 0.05)
        seen = picture.time_of(int(sent * VIDEO), sent + 0.05)
        assert abs(heard - seen) < 0.001
        assert abs(heard - sent - 0.05) < 0.001


def test_timestamps_that_jump_are_placed_by_arrival_again() -> None:
    leg = LegClock()
    voice = StreamClock(leg, AUDIO)
    for index in range(2000):
        sent = index * 0.02
        ticks = int(sent * AUDIO) + (2_000_000_000 if index >= 1000 else 0)
        if index % 50 == 10:
            voice.report(ntp_from_unix(WALL + sent), ticks & 0xFFFFFFFF, sent + 0.05)
        assert abs(voice.time_of(ticks & 0xFFFFFFFF, sent + 0.05) - sent - 0.05) < 0.02


def test_a_small_jump_of_one_stream_is_mended_by_its_next_report() -> None:
    leg = LegClock()
    voice, picture = StreamClock(leg, AUDIO), StreamClock(leg, VIDEO)
    for index in range(3000):
        sent = index * 0.02
        skipped = 0.4 if index >= 1500 else 0.0
        if index % 50 == 0:
            voice.report(ntp_from_unix(WALL + sent), int((sent + skipped) * AUDIO), sent + 0.05)
            picture.report(ntp_from_unix(WALL + sent), int(sent * VIDEO), sent + 0.05)
        heard = voice.time_of(int((sent + skipped) * AUDIO), sent + 0.05)
        seen = picture.time_of(int(sent * VIDEO), sent + 0.05)
        if not 1500 <= index < 1560:
            assert abs(heard - seen) < 0.02


def test_a_network_path_that_becomes_longer_is_followed_slowly_and_together() -> None:
    leg = LegClock()
    voice, picture = StreamClock(leg, AUDIO), StreamClock(leg, VIDEO)
    placed = []
    for index in range(15_000):
        sent = index * 0.02
        delay = 0.05 if sent < 30 else 0.15
        if index % 50 == 0:
            voice.report(ntp_from_unix(WALL + sent), int(sent * AUDIO), sent + delay)
            picture.report(ntp_from_unix(WALL + sent), int(sent * VIDEO), sent + delay)
        heard = voice.time_of(int(sent * AUDIO), sent + delay)
        assert abs(heard - picture.time_of(int(sent * VIDEO), sent + delay)) < 0.001
        placed.append(heard)
    steps = [later - earlier for earlier, later in pairwise(placed)]
    assert max(steps) < 0.021
    assert abs(placed[-1] - 299.98 - 0.15) < 0.01


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["packet", "report"]),
            st.integers(0, 0xFFFFFFFF),
            st.integers(0, (1 << 64) - 1),
            st.floats(0, 0.2),
        ),
        max_size=100,
    )
)
def test_whatever_a_peer_claims_packets_stay_near_their_arrival(
    items: list[tuple[str, int, int, float]],
) -> None:
    clock = StreamClock(LegClock(), AUDIO)
    now = 100.0
    for kind, ticks, ntp_time, passed in items:
        now += passed
        if kind == "report":
            clock.report(ntp_time, ticks, now)
        else:
            assert -5.0 <= clock.time_of(ticks, now) - now <= 1.0
