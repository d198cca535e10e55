"""Continuous numbering, whatever the sources do."""

import random

from hypothesis import given, strategies as st

from media.send.rewriter import TOO_LATE, Rewriter
from media.wire.serial import delta32


def rewriter(clock_hz: int = 90000) -> Rewriter:
    return Rewriter(clock_hz, random.Random(3))


def test_a_source_is_numbered_on_and_its_gaps_stay() -> None:
    out = rewriter()
    out.begin(1000, 50, 1.0, same_source=False)
    first = out.sequence(1000, 50, 1.0)
    assert out.sequence(1001, 50, 1.0) == first + 1
    assert out.sequence(1004, 50, 1.0) == first + 4
    assert out.sequence(1002, 50, 1.0) == first + 2  # late: its own place
    assert out.sequence(999, 50, 1.0) == TOO_LATE


def test_what_is_skipped_leaves_no_gap_and_late_packets_find_their_place() -> None:
    out = rewriter()
    out.begin(10, 0, 1.0, same_source=False)
    first = out.sequence(10, 0, 1.0)
    out.skip(12)  # 11 is still missing
    assert out.sequence(13, 0, 1.0) == first + 2
    assert out.sequence(11, 0, 1.0) == first + 1
    out.skip(14)
    out.skip(15)
    assert out.sequence(16, 0, 1.0) == first + 3
    assert out.sequence(12, 0, 1.0) == TOO_LATE
    out.skip(13)  # too late to be unsaid
    assert out.sequence(17, 0, 1.0) == first + 4


def test_what_is_put_in_moves_the_rest_up_and_late_packets_find_their_place() -> None:
    out = rewriter()
    out.begin(10, 0, 1.0, same_source=False)
    first = out.sequence(10, 0, 1.0)
    assert out.sequence(12, 0, 1.0) == first + 2
    assert [out.insert(), out.insert()] == [first + 3, first + 4]
    assert out.sequence(13, 0, 1.0) == first + 5
    assert out.sequence(11, 0, 1.0) == first + 1
    out.skip(16)  # 14 and 15 are still missing
    assert out.insert() == first + 8
    assert out.sequence(15, 0, 1.0) == first + 7
    assert out.sequence(17, 0, 1.0) == first + 9


@given(st.lists(st.sampled_from(["next", "gap", "late", "skip", "insert"]), max_size=80))
def test_no_number_is_given_out_twice(steps: list[str]) -> None:
    out, now, taken, newest = rewriter(), 1.0, set[int](), 100
    missing: list[int] = []
    out.begin(newest, 0, now, same_source=False)
    numbers = [out.sequence(newest, 0, now)]
    for step in steps:
        if step == "late" and missing:
            numbers.append(out.sequence(missing.pop(0), 0, now))
        elif step == "insert":
            numbers.append(out.insert())
        elif step != "late":
            newest += 1
            if step == "gap":
                missing.append(newest)
                newest += 1
            if step == "skip":
                out.skip(newest)
            else:
                numbers.append(out.sequence(newest, 0, now))
    given_out = [number for number in numbers if number != TOO_LATE]
    taken.update(given_out)
    assert len(taken) == len(given_out)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.floats(0.001, 4000))
def test_time_goes_on_by_the_wall_when_the_source_changes(before: int, after: int, pause: float) -> None:
    out = rewriter()
    out.begin(1, before, 100.0, same_source=False)
    last = out.sequence(1, before, 100.0)
    stamp = (before + out.timestamp_offset) & 0xFFFFFFFF
    out.begin(70000, after, 100.0 + pause, same_source=False)
    assert out.sequence(70000, after, 100.0 + pause) == last + 1
    step = delta32((after + out.timestamp_offset) & 0xFFFFFFFF, stamp)
    assert step == max(1, round(pause * 90000))


def test_a_pause_keeps_the_sources_own_clock() -> None:
    out = rewriter()
    out.begin(1, 0, 100.0, same_source=False)
    first = out.sequence(1, 0, 100.0)
    offset = out.timestamp_offset
    out.begin(500, 5 * 90000 + 700, 105.0, same_source=True)
    assert out.timestamp_offset == offset
    assert out.sequence(500, 5 * 90000 + 700, 105.0) == first + 1
    assert out.sequence(3, 0, 105.0) == TOO_LATE
    assert out.sequence(1, 0, 105.0) == first


def test_a_clock_that_jumped_in_a_pause_is_not_believed() -> None:
    out = rewriter()
    out.begin(1, 0, 100.0, same_source=False)
    out.sequence(1, 0, 100.0)
    out.begin(2, 3_000_000_000, 101.0, same_source=True)
    out.sequence(2, 3_000_000_000, 101.0)
    assert out.timestamp_at(101.0) == (out.timestamp_at(102.0) - 90000) & 0xFFFFFFFF
    assert (3_000_000_000 + out.timestamp_offset) & 0xFFFFFFFF == out.timestamp


actions = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 3)),
        st.tuples(st.just("skip"), st.integers(1, 3)),
        st.tuples(st.just("late"), st.integers(1, 20)),
        st.tuples(st.just("pause"), st.integers(1, 40)),
        st.tuples(st.just("change"), st.integers(0, 100_000)),
    ),
    max_size=120,
)


@given(actions)
def test_no_number_is_ever_used_twice(steps: list[tuple[str, int]]) -> None:
    out = rewriter()
    number = 66_000
    out.begin(number, 0, 0.0, same_source=False)
    used = {out.sequence(number, 0, 0.0): (0, number)}
    source = 0
    for kind, amount in steps:
        if kind == "late":
            result = out.sequence(number - amount, 0, 0.0)
            if result != TOO_LATE:
                assert used.setdefault(result, (source, number - amount)) == (source, number - amount)
            continue
        number = amount if kind == "change" else number + amount
        source += kind == "change"
        if kind == "skip":
            out.skip(number)
            continue
        if kind in ("pause", "change"):
            out.begin(number, 0, 0.0, same_source=kind == "pause")
        result = out.sequence(number, 0, 0.0)
        assert result == out.highest == max([*used, result])
        assert used.setdefault(result, (source, number)) == (source, number)


def test_what_was_missing_before_a_skipped_packet_keeps_its_number_to_itself() -> None:
    """A packet that was still missing when its successor was skipped shared its number with the first after a pause."""
    out = rewriter()
    out.begin(10, 0, 1.0, same_source=False)
    first = out.sequence(10, 0, 1.0)
    out.skip(12)
    out.begin(20, 0, 1.0, same_source=True)
    assert out.sequence(20, 0, 1.0) == first + 1
    assert out.sequence(11, 0, 1.0) == TOO_LATE
    out.skip(22)
    assert out.sequence(21, 0, 1.0) == first + 2
    out.begin(30, 0, 1.0, same_source=True)
    assert out.sequence(30, 0, 1.0) == first + 3
