"""When a microphone's digital silence means something."""

import pytest

from media.quality.hearing import HEARD_BEFORE, NEVER_HEARD, OPEN_PAUSES, OPEN_SECONDS, SAID, Hearing

SPEECH, PAUSE, NOTHING = 30, 75, 127


def heard(*runs: tuple[int | None, int]) -> Hearing:
    """(level, seconds) one after another, the microphone on."""
    hearing = Hearing()
    for level, seconds in runs:
        for _ in range(seconds):
            hearing.add(level, audio_on=True)
    return hearing


@pytest.mark.parametrize(
    ("runs", "after"),
    [
        ([], NEVER_HEARD),
        ([(SPEECH, 4)], HEARD_BEFORE),
        ([(SPEECH, 4), (PAUSE, OPEN_PAUSES)], NEVER_HEARD),
        ([(SPEECH, OPEN_SECONDS)], NEVER_HEARD),
        ([(NOTHING, SAID), (SPEECH, OPEN_SECONDS)], HEARD_BEFORE),
        ([(SPEECH, OPEN_SECONDS), (NOTHING, SAID), (SPEECH, 60)], HEARD_BEFORE),
        ([(SPEECH, OPEN_SECONDS), (NOTHING, SAID - 1), (SPEECH, 1)], NEVER_HEARD),
    ],
    ids=[
        "never heard",
        "perhaps a gate",
        "a room in the pauses",
        "no gate in 20 s",
        "a gate",
        "told off once",
        "a gap",
    ],
)
def test_silence_means_something_after(runs: list[tuple[int | None, int]], after: int) -> None:
    assert heard(*runs, (NOTHING, after - 1)).silent_s(None) == 0.0
    assert heard(*runs, (NOTHING, after)).silent_s(None) == after


def test_a_page_that_says_so_too_makes_it_certain_sooner_and_one_that_hears_something_not_at_all() -> None:
    silent = heard((SPEECH, OPEN_SECONDS), (NOTHING, SAID))
    assert (silent.silent_s(0.0), silent.silent_s(None), silent.silent_s(0.02)) == (SAID, 0.0, 0.0)


def test_a_room_without_a_word_is_not_silent() -> None:
    assert heard((PAUSE, 600)).silent_s(None) == 0.0


def test_a_microphone_that_is_off_or_does_not_tell_is_not_silent() -> None:
    hearing = heard((NOTHING, 60), (None, 1))
    assert hearing.silent_s(None) == 0.0
    for _ in range(60):
        hearing.add(NOTHING, audio_on=False)
    assert hearing.silent_s(None) == 0.0
