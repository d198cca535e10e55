"""What the pages' probes saw and when: milliseconds of a call's steps. Collected and printed, never asserted."""

import json
from pathlib import Path
from typing import Any

from tests.e2e.people import Agent, Customer

Timings = dict[str, list[float]]
Events = list[dict[str, Any]]

WORKER_BACK = "worker killed to sound back, slower side"


def first_after(events: Events, name: str, after: float) -> float | None:
    """Milliseconds from `after` (ms since 1970) to the next event of this name."""
    times = sorted(event["at"] - after for event in events if event["name"] == name)
    return next((time for time in times if time >= 0), None)


def last_click(events: Events, *labels: str) -> float | None:
    """When a button with one of these words was last pressed."""
    times = [event["at"] for event in events if event["name"] == "click" and event["detail"].startswith(labels)]
    return times[-1] if times else None


def note(timings: Timings, name: str, milliseconds: float | None) -> None:
    if milliseconds is not None:
        timings.setdefault(name, []).append(round(milliseconds, 1))


async def note_call(timings: Timings, customer: Customer, agent: Agent) -> None:
    """The steps of an answered call; the clocks of both pages are the same machine's."""
    theirs, ours = await customer.events(), await agent.events()
    called, answered = last_click(theirs, "Call"), last_click(ours, "Answer")
    if called:
        note(timings, "click to connected", first_after(theirs, "connected", called))
    if answered:
        for side, events in (("customer", theirs), ("agent", ours)):
            note(timings, f"answer to first audio at the {side}", first_after(events, "first-audio", answered))
            note(timings, f"answer to first frame at the {side}", first_after(events, "first-video", answered))


async def note_still(timings: Timings, agent: Agent, name: str) -> None:
    """From the agent's last click to the first picture that the chat has loaded since, and to the one it keeps."""
    events = await agent.events()
    clicked = [event["at"] for event in events if event["name"] == "click"][-1]
    loaded = [event["at"] - clicked for event in events if event["name"] == "image" and event["at"] > clicked]
    note(timings, f"{name} to picture", min(loaded, default=None))
    note(timings, f"{name} to the larger of two", max(loaded, default=None))


async def note_recovery(timings: Timings, customer: Customer, agent: Agent, killed: float) -> None:
    """How long the side that waited longer for sound waited; `killed` in ms since 1970."""
    waits = [first_after(await person.events(), "first-audio", killed) for person in (customer, agent)]
    note(timings, WORKER_BACK, max((wait for wait in waits if wait is not None), default=None))


def percentile(values: list[float], part: float) -> float:
    """The smallest value that `part` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(part * 100) * len(ordered) // 100) - 1)]


def summary(timings: Timings) -> dict[str, dict[str, float]]:
    return {
        name: {
            "n": len(values),
            "p50": percentile(values, 0.5),
            "p95": percentile(values, 0.95),
            "max": max(values),
        }
        for name, values in timings.items()
        if values
    }


def write(timings: Timings, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"summary_ms": summary(timings), "all_ms": timings}, indent=2) + "\n")
