"""Which recordings are due."""

from hypothesis import given, strategies as st

from media.recording.retention import SECONDS_PER_DAY, Due, Held, Policy, due

NOW = 1_700_000_000.0


def held(name: str, days_ago: float | None, size: int = 100, **options: object) -> Held:
    ended = None if days_ago is None else NOW - days_ago * SECONDS_PER_DAY
    return Held(name, ended, size, **options)  # type: ignore[arg-type]


def test_age_decides_and_a_site_may_have_its_own() -> None:
    recordings = [held("old", 31), held("young", 29), held("short", 8, days=7.0), held("long", 40, days=90.0)]
    assert due(recordings, Policy(30), NOW) == [Due("old", "age"), Due("short", "age")]


def test_running_and_protected_ones_stay() -> None:
    recordings = [held("running", None, 500), held("evidence", 400, 500, protected=True)]
    assert due(recordings, Policy(30, most_bytes=10), NOW) == []


def test_too_much_takes_the_oldest_first_until_it_fits() -> None:
    recordings = [held("c", 1), held("a", 3), held("b", 2), held("d", 0.5)]
    assert due(recordings, Policy(30, most_bytes=250), NOW) == [Due("a", "space"), Due("b", "space")]


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 100)), st.integers(0, 1000), st.booleans()), max_size=30),
    st.one_of(st.none(), st.integers(0, 5000)),
)
def test_what_is_left_keeps_the_rules(items: list[tuple[float | None, int, bool]], most: int | None) -> None:
    recordings = [
        held(str(number), age, size, protected=protected) for number, (age, size, protected) in enumerate(items)
    ]
    gone = {one.recording_id for one in due(recordings, Policy(30, most), NOW)}
    left = [recording for recording in recordings if recording.recording_id not in gone]
    free = [recording for recording in left if recording.ended_at is not None and not recording.protected]
    assert all(NOW - (recording.ended_at or 0) <= 30 * SECONDS_PER_DAY for recording in free)
    assert most is None or sum(recording.size_bytes for recording in left) <= most or not free
    assert not any(one.protected or one.ended_at is None for one in recordings if one.recording_id in gone)
