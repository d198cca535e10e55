import pytest
from hypothesis import given, strategies as st

from signaling.http.ranges import Range, UnsatisfiableError, wanted


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", None),
        ("bytes=0-", Range(0, 100)),
        ("bytes=10-19", Range(10, 10)),
        ("bytes=90-500", Range(90, 10)),
        ("bytes=-7", Range(93, 7)),
        ("bytes=-700", Range(0, 100)),
        ("bytes=99-99", Range(99, 1)),
        ("bytes=9-3", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=" + "9" * 19 + "-", None),
        ("bytes=\N{ARABIC-INDIC DIGIT ONE}-", None),
    ],
)
def test_one_range_or_the_whole(header: str, found: Range | None) -> None:
    assert wanted(header, 100) == found


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_what_lies_behind_the_end_is_unsatisfiable(header: str) -> None:
    with pytest.raises(UnsatisfiableError):
        wanted(header, 100)


@given(st.text(max_size=40) | st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True), st.integers(0, 2**40))
def test_a_range_lies_within_the_file(header: str, size: int) -> None:
    try:
        found = wanted(header, size)
    except UnsatisfiableError:
        return
    if found is not None:
        assert 0 <= found.start < found.start + found.length <= size
