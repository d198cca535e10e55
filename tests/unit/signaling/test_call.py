"""The call's state table."""

import itertools
from typing import get_args

import pytest
from hypothesis import given, strategies as st

from signaling.call import ANSWERED, REASONS, TRANSITIONS, UNANSWERED, Event, WrongPhaseError, follow
from signaling.protocol import EndReason, Phase

PHASES: tuple[Phase, ...] = get_args(Phase)


def test_every_phase_has_its_row() -> None:
    assert set(TRANSITIONS) == set(PHASES)


def test_every_event_can_happen_somewhere() -> None:
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


def test_an_ended_call_stays_ended() -> None:
    assert TRANSITIONS["ended"] == {}


def test_every_event_that_ends_a_call_has_a_reason_pages_know() -> None:
    ending = {event for row in TRANSITIONS.values() for event, phase in row.items() if phase == "ended"}
    assert ending == set(REASONS)
    assert set(REASONS.values()) <= set(get_args(EndReason))


def test_only_an_accepted_claim_leads_into_an_answered_phase() -> None:
    into = {
        (phase, event)
        for phase, row in TRANSITIONS.items()
        for event, after in row.items()
        if after in ANSWERED and phase not in ANSWERED
    }
    assert into == {("ringing", Event.ACCEPTED)}


def test_every_phase_can_end_by_shutdown() -> None:
    assert all(row[Event.SHUTDOWN] == "ended" for phase, row in TRANSITIONS.items() if phase != "ended")


@pytest.mark.parametrize(("phase", "event"), list(itertools.product(PHASES, Event)))
def test_what_the_table_does_not_name_is_refused(phase: Phase, event: Event) -> None:
    if event in TRANSITIONS[phase]:
        assert follow(phase, event) == TRANSITIONS[phase][event]
    else:
        with pytest.raises(WrongPhaseError, match=event.value):
            follow(phase, event)


@given(st.lists(st.sampled_from(Event), max_size=30))
def test_no_walk_reaches_two_people_without_ringing(events: list[Event]) -> None:
    phase: Phase = "created"
    rang = False
    for event in events:
        if event in TRANSITIONS[phase]:
            phase = follow(phase, event)
            rang = (rang and phase not in ("created", "waiting")) or phase == "ringing"
            assert phase not in ANSWERED or rang
    assert not UNANSWERED & ANSWERED
