"""Asking for what is missing: when, how often, and when no more."""

from hypothesis import given, strategies as st

from media.receive.nack import MAX_MISSING, MAX_TRIES, REORDERING_WAIT, NackGenerator

RTT = 0.1


def test_a_gap_is_asked_for_after_a_moment_and_again_each_round_trip() -> None:
    nack = NackGenerator()
    nack.add(10, 13, 1.0)
    assert nack.due == 1.0 + REORDERING_WAIT
    assert nack.to_ask(1.001, RTT) == []
    assert nack.to_ask(1.005, RTT) == [10, 11, 12]
    assert nack.recovered(11)
    assert not nack.recovered(11)
    assert nack.to_ask(1.05, RTT) == []
    assert nack.to_ask(1.12, RTT) == [10, 12]
    assert nack.asked == 5


def test_what_changed_places_is_not_asked_for() -> None:
    nack = NackGenerator()
    nack.add(10, 11, 1.0)
    assert nack.recovered(10)
    assert nack.to_ask(1.1, RTT) == []
    assert nack.due == float("inf")


def test_after_a_second_it_is_given_up() -> None:
    nack = NackGenerator()
    nack.add(10, 12, 1.0)
    now, asked = 1.0, 0
    while now < 3.0:
        asked += len(nack.to_ask(now, RTT))
        now += 0.01
    assert nack.given_up == 11
    assert len(nack) == 0
    assert asked <= 2 * MAX_TRIES


def test_a_gap_beyond_bounds_is_given_up_at_once() -> None:
    nack = NackGenerator()
    nack.add(0, 400, 1.0)
    nack.add(500, 700, 1.0)
    assert len(nack) == 0
    assert nack.given_up == 699
    assert nack.to_ask(1.1, RTT) == []


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 700), st.floats(0, 0.5)), max_size=40))
def test_it_never_holds_or_asks_too_much(gaps: list[tuple[int, int, float]]) -> None:
    nack = NackGenerator()
    now = 0.0
    for first, size, pause in gaps:
        nack.add(first, first + size, now)
        now += pause
        asked = nack.to_ask(now, RTT)
        assert asked == sorted(set(asked))
        assert len(nack) <= MAX_MISSING


def test_the_longer_the_list_the_less_often_it_is_walked() -> None:
    generator, now, walks = NackGenerator(), 0.0, 0
    generator.add(0, MAX_MISSING, now)
    while now < 0.5:
        if now >= generator.due:
            generator.to_ask(now, 0.0)
            walks += 1
        now += 0.001
    assert walks <= 11
    few = NackGenerator()
    few.add(0, 5, 0.0)
    few.to_ask(0.005, 0.0)
    assert few.due == 0.005 + 0.02, "an ordinary gap is asked for again as soon as ever"
