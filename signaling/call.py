"""The call's state table: which phase follows which event, and why a call ended."""

from enum import StrEnum

from signaling.protocol import EndReason, Phase


class Event(StrEnum):
    """What can happen to a call. The value is the name in its history (`records.CallEvent.name`)."""

    QUEUED = "queued"
    """The customer is here."""
    OFFERED = "ringing"
    """It rings at an agent, or at one more."""
    DECLINED = "declined"
    """One agent said no, others may still be ringing."""
    RING_TIMEOUT = "ring_timeout"
    UNOFFERED = "unoffered"
    """It rings at nobody any more."""
    ACCEPTED = "accepted"
    """An agent's claim is won."""
    HELD = "held"
    UNHELD = "resumed"
    AGENT_LOST = "agent_lost"
    """The agent stayed away too long; the customer is still here."""
    HUNG_UP = "hung_up"
    ABANDONED = "abandoned"
    QUEUE_TIMEOUT = "queue_timeout"
    CONNECTION_LOST = "connection_lost"
    MEDIA_FAILED = "media_failed"
    SHUTDOWN = "shutdown"
    CRASHED = "crashed"
    """Our own fault."""


class WrongPhaseError(Exception):
    """The event cannot happen in this phase."""


_OVER: dict[Event, Phase] = {
    Event.MEDIA_FAILED: "ended",
    Event.SHUTDOWN: "ended",
    Event.CRASHED: "ended",
}
_UNANSWERED: dict[Event, Phase] = {**_OVER, Event.ABANDONED: "ended", Event.QUEUE_TIMEOUT: "ended"}
_ANSWERED: dict[Event, Phase] = {
    **_OVER,
    Event.AGENT_LOST: "waiting",
    Event.HUNG_UP: "ended",
    Event.CONNECTION_LOST: "ended",
}

TRANSITIONS: dict[Phase, dict[Event, Phase]] = {
    "created": {**_UNANSWERED, Event.QUEUED: "waiting"},
    "waiting": {**_UNANSWERED, Event.OFFERED: "ringing"},
    "ringing": {
        **_UNANSWERED,
        Event.OFFERED: "ringing",
        Event.DECLINED: "ringing",
        Event.RING_TIMEOUT: "ringing",
        Event.UNOFFERED: "waiting",
        Event.ACCEPTED: "active",
    },
    "active": {**_ANSWERED, Event.HELD: "on_hold"},
    "on_hold": {**_ANSWERED, Event.UNHELD: "active"},
    "ended": {},
}

REASONS: dict[Event, EndReason] = {
    Event.HUNG_UP: "hung_up",
    Event.ABANDONED: "abandoned",
    Event.QUEUE_TIMEOUT: "unanswered",
    Event.CONNECTION_LOST: "connection_lost",
    Event.MEDIA_FAILED: "media_failed",
    Event.SHUTDOWN: "shutdown",
    Event.CRASHED: "internal",
}
"""Every event that can end a call, with the reason told to people."""

UNANSWERED: frozenset[Phase] = frozenset({"waiting", "ringing"})
ANSWERED: frozenset[Phase] = frozenset({"active", "on_hold"})
"""The phases in which two people are in the call; only in `active` do they hear each other."""


def follow(phase: Phase, event: Event) -> Phase:
    """The phase after `event`; raise WrongPhaseError if it cannot happen now."""
    try:
        return TRANSITIONS[phase][event]
    except KeyError:
        raise WrongPhaseError(f"{event.value} cannot happen to a call that is {phase}") from None
