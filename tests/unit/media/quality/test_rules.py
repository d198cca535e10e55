"""Every rule of the verdict, alone and beside what explains it."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies as st

from media.api import LegSecond
from media.quality.diagnosis import MAX_KEPT, Diagnosis, Side, told
from media.quality.measures import LegWindow
from media.quality.page import PageView
from media.quality.rules import RULES, explained
from media.quality.verdict import Verdict
from tests.fakes.diagnosed import SAYS, Make, diagnosed, names
from tests.fakes.seconds import lossy, second

CATALOGUES = Path(__file__).parents[4] / "web" / "shared" / "quality"
EXAMPLES: list[tuple[str, Make]] = [
    ("", second),
    ("customer loss.up fair", lambda at: lossy(at, 5)),
    ("customer loss.up poor", lambda at: lossy(at, 14)),
    ("customer loss.down poor", lambda at: lossy(at, 30, direction="down", row=1.4)),
    ("customer burst.up poor", lambda at: lossy(at, 10, row=5)),
    ("customer burst.down fair", lambda at: lossy(at, 4, direction="down", row=4)),
    (
        "customer rate.down poor",
        lambda at: second(at, down_sustained_bps=120_000, link_queue_ms=80, down_lost=30, down_runs=10),
    ),
    ("customer rate.down fair", lambda at: second(at, down_sustained_bps=400_000, link_queue_ms=50)),
    ("customer rate.up poor", lambda at: second(at, up_video_bps=90_000, up_jitter_ms=60)),
    ("customer delay fair", lambda at: second(at, rtt_ms=500)),
    ("customer delay poor", lambda at: second(at, rtt_ms=900)),
    ("customer jitter.up fair", lambda at: second(at, up_jitter_ms=30)),
    ("customer jitter.down poor", lambda at: second(at, down_jitter_ms=70)),
    ("customer outage poor", lambda at: second(at, up_audio_bps=0, up_video_bps=0, up_packets=0, up_audio_packets=0)),
    ("customer silent poor", lambda at: second(at, level=127)),
]


@pytest.mark.parametrize(("expected", "make"), EXAMPLES, ids=[name or "nothing" for name, _ in EXAMPLES])
def test_a_rule_finds_its_trouble_and_no_other(expected: str, make: Make) -> None:
    page = None if "silent" in expected else SAYS
    assert names(diagnosed(make, page=page)) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("expected", "page"),
    [
        ("customer cpu poor", SAYS._replace(limited_by="cpu")),
        ("customer black poor", SAYS._replace(black=True)),
    ],
)
def test_a_device_s_trouble_is_what_its_page_says(expected: str, page: PageView) -> None:
    assert names(diagnosed(second, page=page)) == [expected]


def test_a_page_that_wants_more_than_its_uplink_carries_says_so() -> None:
    page = SAYS._replace(limited_by="bandwidth")
    assert names(diagnosed(lambda at: second(at, up_video_bps=300_000), page=page)) == ["customer rate.up fair"]
    assert names(diagnosed(lambda at: second(at, up_video_bps=300_000, up_limit_bps=300_000), page=page)) == []


def test_who_sends_little_because_nobody_is_shown_it_has_no_narrow_uplink() -> None:
    diagnosis = Diagnosis()
    page = SAYS._replace(limited_by="bandwidth")
    for at in range(1, 30):
        little = {"up_video_bps": 40_000} if at > 5 else {}
        narrow = {"paused": True, "down_sustained_bps": 70_000, "link_queue_ms": 300} if 5 < at < 20 else {}
        diagnosis.observe([Side("customer", second(at, **narrow), SAYS), Side("agent", second(at, **little), page)])
    assert {(verdict.side, verdict.name) for verdict in diagnosis.close()} == {("customer", "rate.down")}


@pytest.mark.parametrize("removed_at", [12, 99])
def test_who_talks_to_somebody_that_vanished_has_no_narrow_uplink(removed_at: int) -> None:
    """No feedback of the one who is gone: the other is told to send little and says "bandwidth", before the silence is
    an outage, after the dead leg was removed, and while pictures come back."""
    diagnosis = Diagnosis()
    silence = {"up_audio_bps": 0, "up_video_bps": 0, "up_packets": 0, "up_audio_packets": 0, "rtt_ms": None}
    for at in range(1, 50):
        gone = 5 < at <= 30
        little = {"up_video_bps": 40_000, "up_limit_bps": 0 if at > 8 else 900_000} if 6 < at < 36 else {}
        page = SAYS._replace(limited_by="bandwidth") if little else SAYS
        customer = [Side("customer", second(at, **(silence if gone else {})), None if gone else SAYS)]
        present = not (gone and at >= removed_at)
        diagnosis.observe([*(customer if present else []), Side("agent", second(at, **little), page)])
    assert {(verdict.side, verdict.name) for verdict in diagnosis.close()} == {("customer", "outage")}


def test_a_busy_server_is_nobody_s_connection() -> None:
    assert names(diagnosed(lambda at: lossy(at, 20), lag_ms=400)) == ["server overload poor"]


@pytest.mark.parametrize("direction", ["up", "down"])
def test_strong_jitter_is_no_narrow_link_though_estimates_fall(direction: str) -> None:
    """Sigma of 120 to 200 ms: voice comes whole and uneven, pictures starve, no queue stands."""

    def uneven(at: float) -> LegSecond:
        if at < 8:
            return second(at)
        if direction == "up":
            return second(at, up_jitter_ms=27, up_video_bps=90_000, rtt_ms=300, up_audio_packets=44 if at % 2 else 57)
        return second(at, down_jitter_ms=30, down_sustained_bps=120_000, down_video_bps=90_000, link_queue_ms=160)

    assert names(diagnosed(uneven)) == [f"customer jitter.{direction} fair"]


def test_a_page_that_slows_down_for_bursts_has_no_narrow_uplink_unless_a_queue_shows() -> None:
    page = SAYS._replace(limited_by="bandwidth")
    assert names(diagnosed(lambda at: lossy(at, 20, row=5), page=page)) == ["customer burst.up poor"]

    def slow(at: float, rtt_ms: int) -> LegSecond:
        return msgspec.structs.replace(lossy(at, 20, row=5), up_video_bps=400_000, rtt_ms=rtt_ms)

    assert names(diagnosed(lambda at: slow(at, 60), page=page)) == ["customer burst.up poor"]
    assert "rate.up" in names(diagnosed(lambda at: slow(at, 60 if at < 4 else 200), page=page))[0]


def test_a_narrow_link_stays_one_while_its_queue_makes_voice_uneven() -> None:
    def filling(at: float) -> LegSecond:
        if at < 8:
            return second(at)
        if at < 11:
            return second(at, up_jitter_ms=70, up_video_bps=60_000, up_audio_bps=9_000, up_audio_packets=8)
        return second(at, up_jitter_ms=24, up_video_bps=60_000, rtt_ms=700)

    assert "customer rate.up poor" in names(diagnosed(filling))
    queue: Make = lambda at: second(at, down_jitter_ms=40, down_sustained_bps=100_000, link_queue_ms=900)  # noqa: E731
    assert names(diagnosed(queue)) == ["customer rate.down poor"]


def test_jitter_that_came_from_the_other_side_is_not_this_side_s() -> None:
    diagnosis = Diagnosis()
    for at in range(1, 20):
        diagnosis.observe([Side("customer", second(at, up_jitter_ms=40)), Side("agent", second(at, down_jitter_ms=42))])
    assert names(diagnosis) == ["customer jitter.up fair"]


def test_a_narrow_link_takes_over_what_it_lost_while_it_became_narrow() -> None:
    def narrowing(at: float) -> LegSecond:
        if at < 8:
            return lossy(at, 12, direction="down", row=5) if at > 4 else second(at)
        return second(at, down_sustained_bps=150_000, link_queue_ms=200)

    (verdict,) = diagnosed(narrowing, 25).close()
    assert verdict.name == "rate.down"
    assert verdict.begin < second(8).at


def test_a_downlink_that_becomes_narrow_is_told_by_its_queue_in_the_second_second() -> None:
    """More than jitter makes it, and the last second's estimate is believed; a short queue waits for the window."""

    def said(queue_ms: int) -> int:
        diagnosis = Diagnosis()
        for at in range(1, 30):
            narrow = {"down_sustained_bps": 125_000, "link_queue_ms": queue_ms} if at > 10 else {}
            diagnosis.observe([Side("customer", second(at, **narrow), SAYS), Side("agent", second(at), SAYS)])
            if diagnosis.current():
                assert [verdict.name for verdict in diagnosis.current()] == ["rate.down"]
                return at - 10
        return 0

    assert (said(400), said(150)) == (2, 4)


FILLING = {"up_video_bps": 130_000, "up_audio_bps": 5_000, "up_audio_packets": 4, "up_packets": 20}


def _from_ten(changes: dict[str, int]) -> Make:
    return lambda at: second(at) if at < 10 else second(at, **changes)


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("customer rate.up poor", FILLING | {"up_jitter_ms": 70}),
        ("customer rate.up poor", {"up_video_bps": 90_000, "up_lost": 90, "up_runs": 10, "rtt_ms": 900}),
        ("customer rate.up fair", {"up_video_bps": 600_000, "up_lost": 90, "up_runs": 10, "rtt_ms": 300}),
        ("customer burst.up poor", {"up_lost": 90, "up_runs": 10}),
        ("customer burst.up poor", {"up_lost": 90, "up_runs": 10, "rtt_ms": 300}),
        ("customer burst.up poor", {"up_video_bps": 600_000, "up_lost": 90, "up_runs": 10}),
        ("customer jitter.up poor", {"up_jitter_ms": 70}),
        ("", {"up_video_bps": 600_000}),
        ("", {"up_audio_packets": 4, "up_audio_bps": 4_000}),
    ],
    ids=[
        "fills",
        "is full",
        "is full, less narrow",
        "row",
        "row far away",
        "row, less sent",
        "jitter",
        "less sent",
        "dtx",
    ],
)
def test_a_queue_on_the_uplink_is_told_from_what_looks_like_it(expected: str, changes: dict[str, int]) -> None:
    found = diagnosed(_from_ten(changes), 14)
    assert names(found) == ([expected] if expected else [])


def test_a_queue_that_fills_is_told_in_its_second_second() -> None:
    diagnosis = Diagnosis()
    for at in range(1, 12):
        made = second(at) if at < 10 else second(at, **FILLING, up_jitter_ms=70)
        diagnosis.observe([Side("customer", made), Side("agent", second(at))])
    assert [verdict.name for verdict in diagnosis.current()] == ["rate.up"]


def test_an_estimate_that_fell_says_nothing_of_a_link_that_only_carries_voice() -> None:
    def spoken(at: float, queue: int) -> LegSecond:
        none = ("down_video_packets", "down_video_bps", "down_frames", "up_video_packets", "up_video_bps")
        return second(at, **dict.fromkeys(none, 0), paused=True, down_sustained_bps=70_000, link_queue_ms=queue)

    assert names(diagnosed(lambda at: spoken(at, 60 if at % 2 else 20))) == []
    assert names(diagnosed(lambda at: spoken(at, 300))) == ["customer rate.down poor"]


def test_short_pauses_do_not_end_a_trouble_and_long_ones_do() -> None:
    def now_and_then(at: float) -> LegSecond:
        return lossy(at, 20) if at <= 10 or 14 < at <= 24 or at > 50 else second(at)

    verdicts = diagnosed(now_and_then, 60).close()
    assert [v.name for v in verdicts] == ["loss.up", "loss.up"]
    assert 23 <= verdicts[0].end - second(0).at <= 32


def test_a_moment_is_no_verdict() -> None:
    assert names(diagnosed(lambda at: lossy(at, 4) if at == 10 else second(at))) == []


def test_what_was_done_is_noted() -> None:
    diagnosis = diagnosed(lambda at: lossy(at, 20, direction="down"))
    diagnosis.note("customer", "ice_restart")
    (verdict,) = diagnosis.close()
    assert "ice_restart" in verdict.did


@given(
    st.lists(
        st.builds(
            lossy,
            st.integers(0, 100).map(float),
            st.integers(0, 100),
            direction=st.sampled_from(["up", "down"]),
            row=st.floats(1, 50),
        ),
        max_size=60,
    )
)
def test_any_seconds_are_survived(rows: list[LegSecond]) -> None:
    diagnosis = Diagnosis()
    for one in rows:
        diagnosis.observe([Side("customer", one, PageView(limited_by="bandwidth")), Side("agent", one, None)])
    assert len(diagnosis.close()) <= MAX_KEPT


_SOME = st.builds(
    second,
    st.just(0.0),
    rtt_ms=st.sampled_from([None, 20, 60, 90, 150, 390, 450]),
    up_jitter_ms=st.sampled_from([0, 10, 17, 25, 45]),
    down_jitter_ms=st.sampled_from([0, 15, 20]),
    up_lost=st.sampled_from([0, 0, 3, 20]),
    down_lost=st.sampled_from([0, 0, 3, 20]),
    up_runs=st.just(3),
    down_runs=st.just(3),
    up_video_bps=st.sampled_from([0, 90_000, 280_000, 1_500_000]),
    up_audio_bps=st.sampled_from([0, 60_000]),
    up_audio_packets=st.sampled_from([4, 50]),
    up_limit_bps=st.sampled_from([0, 200_000]),
    link_queue_ms=st.sampled_from([0, 0, 40, 150]),
    down_sustained_bps=st.sampled_from([0, 150_000, 3_000_000]),
    level=st.sampled_from([None, 40, 127]),
)
_PAGES = st.sampled_from([None, SAYS, SAYS._replace(limited_by="bandwidth"), SAYS._replace(limited_by="cpu")])


@given(st.lists(st.tuples(_SOME, _PAGES), min_size=1, max_size=80), st.sampled_from([0.0, 130.0]))
def test_no_rule_holds_of_what_is_called_calm(rows: "list[tuple[LegSecond, PageView | None]]", lag_ms: float) -> None:
    window = LegWindow()
    for made, page in rows:
        window.add(made, page, audio_on=True)
        if window.calm(lag_ms):
            measures = window.measures(video_on=True, lag_ms=lag_ms)
            assert [rule.name for rule in RULES if rule.severity(measures[rule.measure])] == []


def test_most_seconds_are_calm() -> None:
    window = LegWindow()
    for at in range(60):
        window.add(second(at, rtt_ms=60 + at % 9, up_jitter_ms=at % 5), SAYS, audio_on=True)
        assert window.calm(5.0)


def test_every_explanation_is_a_rule_and_comes_before_it() -> None:
    seen: set[str] = set()
    for rule in RULES:
        for name in rule.unless:
            assert name in seen or name in {known.partition(".")[0] for known in seen}, (rule.name, name)
        assert explained(rule, set(rule.unless)) == bool(rule.unless)
        assert (rule.fair > rule.poor) == rule.below
        seen.add(rule.name)


@pytest.mark.parametrize("language", ["en", "es", "de", "fr", "pt-BR", "ar", "id", "zh-CN"])
def test_every_verdict_has_words_in_every_language(language: str) -> None:
    words = json.loads((CATALOGUES / f"{language}.json").read_text())
    for rule in RULES:
        assert words[f"verdict.title.{rule.kind}"]
        for who in ("server",) if rule.everywhere else ("customer", "agent"):
            assert words[f"verdict.tell.{told(who, rule)}"]
            assert words[f"verdict.side.{who}"]
        assert not rule.direction or words[f"verdict.direction.{rule.direction}"]


def test_a_verdict_says_who_hears_it() -> None:
    def of(make: Make, page: PageView | None = SAYS) -> Verdict:
        (verdict,) = diagnosed(make, page=page).close()
        return verdict

    assert of(lambda at: lossy(at, 14)).heard_by == ("agent",)
    assert of(lambda at: lossy(at, 14, direction="down")).heard_by == ("customer",)
    assert of(lambda at: second(at, rtt_ms=900)).heard_by == ("customer", "agent")
    assert of(second, SAYS._replace(black=True)).heard_by == ("agent",)


def test_an_uplink_that_becomes_narrow_just_after_the_answer_is_told_in_its_second_second() -> None:
    """150 kbit/s from the third second on, as a real page's call had it: it slows down at once, so voice is short for
    one second only."""
    rows = [
        (62, 42, 1, 51_000, 335_000),
        (62, 51, 1, 63_000, 393_000),
        (62, 31, 9, 38_000, 394_000),
        (62, 13, 48, 16_000, 127_000),
        (235, 27, 30, 35_000, 93_000),
    ]

    def make(at: float) -> LegSecond:
        rtt, voice, jitter, voice_bps, camera_bps = rows[int(at) - 1]
        changes = {"rtt_ms": rtt, "up_jitter_ms": jitter, "up_audio_bps": voice_bps, "up_video_bps": camera_bps}
        return second(at, up_audio_packets=voice, **changes)

    assert diagnosed(make, 4).current() == []
    assert [f"{v.side} {v.name}" for v in diagnosed(make, 5).current()] == ["customer rate.up"]
