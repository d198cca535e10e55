"""Who waits in which order. Pure: the queue is a view of the calls, never a second list that could disagree."""

from collections.abc import Iterable

from signaling.call import UNANSWERED
from signaling.records import CallState


def order(calls: Iterable[CallState]) -> list[CallState]:
    """Unanswered calls, next first: higher priority, then longer waiting, then by id so that ties stay put."""
    waiting = [call for call in calls if call.phase in UNANSWERED]
    return sorted(waiting, key=lambda call: (-call.priority, call.queued_at or call.created_at, call.call_id))


def positions(ordered: Iterable[CallState]) -> dict[str, int]:
    """Place of every waiting call in its site's queue, 1 is next, by call id; ringing calls have left the queue."""
    seen: dict[str, int] = {}
    places: dict[str, int] = {}
    for call in ordered:
        if call.phase == "waiting":
            seen[call.site_id] = seen.get(call.site_id, 0) + 1
            places[call.call_id] = seen[call.site_id]
    return places


def count_by_site(ordered: Iterable[CallState]) -> dict[str, int]:
    """How many customers of each site have no answer yet."""
    counts: dict[str, int] = {}
    for call in ordered:
        counts[call.site_id] = counts.get(call.site_id, 0) + 1
    return counts
