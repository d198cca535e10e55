"""Packets in order, with patience."""

from hypothesis import given, strategies as st

from media.recording.sequencer import PATIENCE_SECONDS, Sequencer

BASE = 65_500


def push(sequencer: Sequencer, number: int, now: float) -> list[int]:
    found = sequencer.push((BASE + number) & 0xFFFF, number, now, False, b"x")
    return [packet.timestamp for packet in found]


@given(st.permutations(range(60)), st.lists(st.integers(0, 59), max_size=20))
def test_any_order_within_patience_comes_out_right_and_once(order: list[int], again: list[int]) -> None:
    sequencer = Sequencer()
    out: list[int] = []
    for number in [*order, *again]:
        out += push(sequencer, number, 0.0)
    out += [packet.timestamp for packet in sequencer.ready(0.1)]
    assert out == list(range(60))
    assert not sequencer.waits
    assert sequencer.late == len(again)


@given(st.sets(st.integers(1, 98), max_size=40))
def test_what_never_comes_is_given_up_and_shows_as_a_gap_in_numbers(lost: set[int]) -> None:
    sequencer = Sequencer()
    numbers: list[int] = []
    for number in range(100):
        if number not in lost:
            found = sequencer.push((BASE + number) & 0xFFFF, number, number / 100, False, b"")
            numbers += [packet.number for packet in found]
    numbers += [packet.number for packet in sequencer.ready(1.0 + PATIENCE_SECONDS)]
    assert [number - numbers[0] for number in numbers] == [number for number in range(100) if number not in lost]


def test_a_gap_holds_back_what_follows_until_it_is_filled_or_overdue() -> None:
    sequencer = Sequencer()
    push(sequencer, 0, 0.0)
    assert [packet.timestamp for packet in sequencer.ready(0.06)] == [0]
    assert push(sequencer, 2, 0.1) == []
    assert sequencer.waits
    assert push(sequencer, 1, 0.3) == [1, 2]
    assert push(sequencer, 4, 0.4) == []
    assert sequencer.ready(0.4 + PATIENCE_SECONDS - 0.01) == []
    assert [packet.timestamp for packet in sequencer.ready(0.4 + PATIENCE_SECONDS)] == [4]
    assert push(sequencer, 3, 1.0) == []
    assert sequencer.late == 1


def test_a_number_from_elsewhere_is_a_new_beginning() -> None:
    sequencer = Sequencer()
    assert push(sequencer, 0, 0.0) == []
    assert push(sequencer, 1, 0.1) == [0, 1]
    assert push(sequencer, 20_000, 0.2) == [20_000]
    assert push(sequencer, 20_001, 0.2) == [20_001]


@given(st.lists(st.tuples(st.integers(0, 65_535), st.floats(0, 0.01)), max_size=400))
def test_any_numbers_are_bounded_and_never_repeated(items: list[tuple[int, float]]) -> None:
    sequencer = Sequencer()
    now, out = 0.0, 0
    for sequence, passed in items:
        now += passed
        out += sum(1 for _ in sequencer.push(sequence, 0, now, False, b""))
    out += len(sequencer.flush())
    assert out + sequencer.late == len(items)
