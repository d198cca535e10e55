"""Verdicts of microphone and camera, and what a page's word does to them."""

from media.quality.diagnosis import Diagnosis, Side
from tests.fakes.diagnosed import SAYS, Make, diagnosed, names
from tests.fakes.seconds import second


def test_a_black_camera_is_said_with_the_first_report_of_it() -> None:
    diagnosis = Diagnosis()
    for at in range(1, 9):
        diagnosis.observe([Side("customer", second(at), SAYS._replace(black=at > 7)), Side("agent", second(at), SAYS)])
    assert [one.name for one in diagnosis.current()] == ["black"]


def test_a_page_s_word_is_a_verdict_before_the_next_second_and_said_once() -> None:
    diagnosis = diagnosed(second)
    assert not diagnosis.say("customer", SAYS, video_on=True)
    assert not diagnosis.say("customer", SAYS._replace(black=True), video_on=False)
    assert not diagnosis.say("nobody", SAYS._replace(black=True), video_on=True)
    assert diagnosis.say("customer", SAYS._replace(black=True), video_on=True)
    assert not diagnosis.say("customer", SAYS._replace(black=True), video_on=True)
    diagnosis.observe([Side("customer", second(21), SAYS._replace(black=True)), Side("agent", second(21), SAYS)])
    assert names(diagnosis) == ["customer black poor"]


def test_silence_that_a_page_contradicts_waits_for_its_word() -> None:
    """Its last report may be older than the silence: the next, sent at once, says so."""
    diagnosis = diagnosed(lambda at: second(at, level=127 if at > 20 else 70), 25)
    assert diagnosis.current() == []
    assert diagnosis.say("customer", SAYS._replace(level=0.0), video_on=True)
    assert [one.name for one in diagnosis.current()] == ["silent"]


def test_a_microphone_keeps_its_past_on_another_leg() -> None:
    gated = diagnosed(lambda at: second(at, level=127 if at % 6 else 30), 18, page=None)
    gated.forget("customer")
    before = len(gated.current())
    for at in range(19, 30):
        gated.observe([Side("customer", second(at, level=127)), Side("agent", second(at), SAYS)])
    assert len(gated.current()) == before


def test_a_browser_that_says_bandwidth_and_sends_its_whole_picture_has_no_narrow_uplink() -> None:
    def found(lines: int, fps: float, tallest: int = 480) -> list[str]:
        small: Make = lambda at: second(at, up_video_bps=420_000)  # noqa: E731
        diagnosis = Diagnosis()
        for at in range(1, 20):
            page = SAYS._replace(limited_by="bandwidth" if at > 5 else "", fps_sent=fps, height_sent=lines)
            page = page._replace(height_sent=tallest) if at < 4 else page
            diagnosis.observe([Side("customer", small(at), page), Side("agent", second(at), SAYS)])
        return [name.rpartition(" ")[0] for name in names(diagnosis)]

    assert found(480, 15.0) == found(360, 15.0, 360) == []
    assert found(360, 15.0) == found(480, 5.0) == found(240, 15.0, 240) == ["customer rate.up"]


def test_who_has_muted_or_is_held_is_not_silent() -> None:
    quiet: Make = lambda at: second(at, level=127)  # noqa: E731
    assert names(diagnosed(quiet, page=None, audio_on=False)) == []


def test_who_only_listens_is_not_silent_for_half_a_minute() -> None:
    speaks: Make = lambda at: second(at, level=127 if at > 10 else 30)  # noqa: E731
    assert names(diagnosed(speaks, 35, page=None)) == []
    assert names(diagnosed(speaks, 60, page=None)) == ["customer silent poor"]


def test_no_camera_no_black_picture() -> None:
    page = SAYS._replace(black=True)
    assert names(diagnosed(second, page=page, video_on=False)) == []
