"""What a page lacks, from its feedback alone: lost, not brought back by parity, no copy on its way. Bounded."""

from hypothesis import given, strategies as st

from media.send.told import HISTORY, MAX_AT_ONCE, OPEN_NUMBERS, ToldLost

Reports = list[tuple[int, float | None]]


def feedback(first: int, arrived: str) -> Reports:
    """`x` came, `.` did not."""
    return [(first + place, 1.0 if came == "x" else None) for place, came in enumerate(arrived)]


def picture(told: ToldLost, packets: int = 3, *parity: list[int]) -> int:
    """Numbers 0 … for sequence numbers 100 …, then parity; the next number."""
    for number in range(packets):
        told.sent(number, 100 + number)
    for row, covered in enumerate(parity):
        told.sent_parity(packets + row, covered)
    return packets + len(parity)


def test_what_parity_cannot_bring_back_is_lacking() -> None:
    told = ToldLost()
    picture(told, 3, [100, 101, 102])
    assert told.told(feedback(0, "..xx")) == [100, 101]


def test_what_parity_brings_back_is_not() -> None:
    told = ToldLost()
    picture(told, 4, [100, 101], [101, 102], [102, 103])
    assert told.told(feedback(0, "x..xxxx")) == []  # 101 by the first, then 102 by the second
    told = ToldLost()
    picture(told, 2, [100, 101])
    assert told.told(feedback(0, "x..")) == [101]  # the parity is lost as well


def test_parity_that_may_still_come_is_waited_for() -> None:
    told = ToldLost()
    picture(told, 2, [100, 101])
    assert told.told(feedback(0, ".x")) == []
    assert told.told(feedback(2, "x")) == []
    for number in range(3, 6):
        told.sent(number, 100 + number)
    assert told.told(feedback(3, ".xx")) == []
    assert told.told(feedback(3 + OPEN_NUMBERS, "x")) == [103]  # it got none


def test_a_copy_on_its_way_is_enough_until_it_is_lost() -> None:
    told = ToldLost()
    end = picture(told, 2, [100, 101])
    assert told.told(feedback(0, "..x")) == [100, 101]
    for copy, sequence in enumerate((100, 100, 101, 101)):
        told.sent_again(end + copy, sequence)
    assert told.told(feedback(end, ".")) == []
    assert told.told(feedback(end + 1, "..")) == [100]
    told.sent_again(end + 4, 100)
    assert told.told(feedback(end + 3, "x.")) == []  # 101 came, and by it parity has 100


def test_copies_of_which_nobody_tells_count_as_lost() -> None:
    told = ToldLost()
    end = picture(told, 3, [100, 101, 102])
    assert told.told(feedback(0, "..xx")) == [100, 101]
    told.sent_again(end, 100)
    told.sent_again(end + 1, 101)
    assert told.told(feedback(end + 1, "x")) == []  # 101 came, so parity has 100
    told = ToldLost()
    end = picture(told, 3, [100, 101, 102])
    told.told(feedback(0, "..xx"))
    told.sent_again(end, 100)
    told.sent_again(end + 1, 101)
    assert told.told(feedback(end + 2, "x")) == [100, 101]


def test_what_was_asked_for_is_lacking_although_its_feedback_was_lost() -> None:
    told = ToldLost()
    told.sent(0, 100)
    told.sent_again(1, 100)
    assert told.told(feedback(1 + OPEN_NUMBERS, "x")) == [100]


def test_what_comes_too_late_is_given_up() -> None:
    told = ToldLost()
    picture(told, 2, [100, 101])
    assert told.told(feedback(0, "..x")) == [100, 101]
    told.give_up(100)
    told.sent(3, 102)
    assert told.told(feedback(3, "x")) == [101]  # without 100 the parity is of no use


def test_a_page_that_says_everything_is_lost_gets_little_at_once() -> None:
    told = ToldLost()
    for number in range(3 * HISTORY):
        told.sent(number, number & 0xFFFF)
    lied = told.told([(number, None) for number in range(3 * HISTORY)])
    assert len(lied) == MAX_AT_ONCE


@given(
    st.lists(st.tuples(st.sampled_from(["first", "again", "parity", "told"]), st.integers(0, 70_000), st.integers()))
)
def test_nothing_a_page_says_makes_it_grow_or_fail(steps: list[tuple[str, int, int]]) -> None:
    told = ToldLost()
    for number, (step, sequence, said) in enumerate(steps):
        if step == "first":
            told.sent(number, sequence & 0xFFFF)
        elif step == "again":
            told.sent_again(number, sequence & 0xFFFF)
        elif step == "parity":
            told.sent_parity(number, [sequence & 0xFFFF, said & 0xFFFF])
        else:
            lacking = told.told([(said + place, None if said & 1 << place else 1.0) for place in range(8)])
            assert len(lacking) == len(set(lacking)) <= MAX_AT_ONCE
