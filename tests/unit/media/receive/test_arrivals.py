"""Transport-wide feedback: what arrived is told once, what did not is told too, and it fits."""

from hypothesis import given, strategies as st

from media.receive.arrivals import FAST_INTERVAL, INTERVAL, MAX_ROWS, ArrivalRecorder
from media.wire.rtcp import split_compound
from media.wire.transport_cc import TICK_SECONDS, TransportFeedback, parse_transport_feedback


def values(packets: list[bytes]) -> list[TransportFeedback]:
    assert all(len(packet) <= 1200 for packet in packets)
    return [parse_transport_feedback(raw) for packet in packets for raw in split_compound(packet)]


def told(packets: list[bytes]) -> dict[int, float | None]:
    """Arrival time by number, as the sender will understand it."""
    found: dict[int, float | None] = {}
    for value in values(packets):
        tick = value.reference_time * 256
        for index, delta in enumerate(value.deltas):
            number = (value.base_sequence + index) & 0xFFFF
            if delta is None:
                found.setdefault(number, None)
            else:
                tick += delta
                found[number] = tick * TICK_SECONDS
    return found


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.integers(1, 30), st.floats(0, 0.3)), min_size=1, max_size=60),
)
def test_every_arrival_is_told_to_a_quarter_of_a_millisecond(first: int, steps: list[tuple[int, float]]) -> None:
    recorder = ArrivalRecorder()
    number, now = first, 50.0
    arrived: dict[int, float] = {first: now}
    recorder.record(first, now)
    for step, pause in steps:
        number, now = number + step, now + pause
        arrived[number & 0xFFFF] = now
        recorder.record(number & 0xFFFF, now)
    heard = told(recorder.feedback(1, 2, now))
    for arrival, time in arrived.items():
        answer = heard[arrival]
        assert answer is not None
        assert abs(answer - time) <= TICK_SECONDS + 1e-6
    assert sum(time is None for time in heard.values()) == number - first + 1 - len(arrived)


def test_the_next_feedback_begins_where_the_last_ended() -> None:
    recorder = ArrivalRecorder()
    for number in (10, 11, 12):
        recorder.record(number, 1.0)
    recorder.feedback(1, 2, 1.0)
    recorder.record(15, 1.1)
    (value,) = values(recorder.feedback(1, 2, 1.1))
    assert (value.base_sequence, value.deltas[:2], value.feedback_count) == (13, (None, None), 1)
    recorder.record(14, 1.15)  # late
    (value,) = values(recorder.feedback(1, 2, 1.2))
    assert value.base_sequence == 14
    assert value.deltas[0] is not None
    assert recorder.feedback(1, 2, 1.3) == []


def test_it_is_due_often_at_first_and_never_before_the_first_packet() -> None:
    recorder = ArrivalRecorder()
    assert recorder.due == float("inf")
    recorder.record(60000, 7.0)
    assert recorder.due == 7.0 + FAST_INTERVAL
    recorder.feedback(1, 2, 7.05)
    assert recorder.due == 7.05 + FAST_INTERVAL
    recorder.feedback(1, 2, 13.0)
    assert recorder.due == 13.0 + INTERVAL


@given(st.lists(st.integers(0, 0xFFFF), max_size=300))
def test_any_numbers_are_bounded_work(numbers: list[int]) -> None:
    recorder = ArrivalRecorder()
    for number in numbers:
        recorder.record(number, 1.0)
    packets = recorder.feedback(1, 2, 1.0)
    assert len(packets) <= 5
    values(packets)


def test_unread_arrivals_do_not_pile_up() -> None:
    recorder = ArrivalRecorder()
    for number in range(10_000):
        recorder.record(number & 0xFFFF, number / 100)
    assert len(recorder.feedback(1, 2, 100.0)) <= 6


def test_long_silences_are_split() -> None:
    recorder = ArrivalRecorder()
    recorder.record(1, 1.0)
    recorder.record(2, 20.0)
    assert len(told(recorder.feedback(1, 2, 20.0))) == 2


def test_of_what_is_still_asked_for_nothing_is_said_and_the_rest_counts_as_arrived() -> None:
    recorder = ArrivalRecorder()
    for number, now in ((1, 1.0), (2, 1.01), (4, 1.02), (5, 1.03), (8, 1.2), (9, 1.21)):
        recorder.record(number, now)
    assert recorder.conceal([1.2]) == 1
    first, second = values(recorder.feedback(1, 2, 1.25, silent=True))
    assert (first.base_sequence, len(first.deltas), second.base_sequence, len(second.deltas)) == (1, 5, 8, 2)
    assert None not in first.deltas + second.deltas
    recorder.record(10, 1.3)
    (value,) = values(recorder.feedback(1, 2, 1.35, silent=True))
    assert (value.base_sequence, len(value.deltas)) == (10, 1)


def test_feedback_may_wait_for_what_is_asked_for() -> None:
    recorder = ArrivalRecorder()
    for number, now in ((1, 1.0), (3, 1.01), (5, 1.1), (6, 1.11)):
        recorder.record(number, now)
    recorder.hold(1.1)
    assert set(told(recorder.feedback(1, 2, 1.15))) == {1, 2, 3}
    assert set(told(recorder.feedback(1, 2, 1.25))) == {4, 5, 6}


@given(st.lists(st.integers(1, 3), max_size=400), st.lists(st.floats(0, 5), max_size=20))
def test_silence_is_bounded_and_tells_only_of_what_came_or_is_not_asked_for(
    steps: list[int], asked: list[float]
) -> None:
    recorder = ArrivalRecorder()
    number, arrived = 0, set[int]()
    for index, step in enumerate(steps):
        number += step
        arrived.add(number)
        recorder.record(number, index / 100)
    concealed = recorder.conceal(sorted(asked))
    packets = recorder.feedback(1, 2, 5.0, silent=True)
    assert len(packets) <= MAX_ROWS + 1
    heard = told(packets)
    assert arrived <= heard.keys()
    if len(packets) < MAX_ROWS:
        assert len(heard) == len(arrived) + concealed
        assert None not in heard.values()
