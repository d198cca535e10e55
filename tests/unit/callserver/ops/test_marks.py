"""The marks of a call's time line: what is told is really recorded, and the page has words for all of it."""

import json
import re
from pathlib import Path

from callserver.quality.answers import TOLD_EVENTS
from signaling.call import Event

ROOT = Path(__file__).parents[4]


def recorded() -> set[str]:
    """Names that signaling writes into a call's history."""
    calls = [line for path in (ROOT / "signaling").glob("*.py") for line in path.read_text().splitlines()]
    names = {name for line in calls if ".record(" in line for name in re.findall(r'"([a-z_]{3,})"', line)}
    return names | {event.value for event in Event}


def listed(path: str, name: str) -> set[str]:
    found = re.search(rf"export const {name} = \[(.*?)\];", (ROOT / path).read_text(), re.DOTALL)
    assert found is not None
    return set(re.findall(r'"([a-z_]+)"', found[1]))


def test_what_is_told_of_a_call_is_recorded_somewhere() -> None:
    assert recorded() >= TOLD_EVENTS


def test_every_decision_of_the_page_is_told() -> None:
    assert listed("web/ops/marks.js", "DECISIONS") <= TOLD_EVENTS


def test_the_page_has_words_for_everything_that_is_told() -> None:
    decisions, events = listed("web/ops/marks.js", "DECISIONS"), listed("web/console/words.js", "EVENTS")
    for path in (ROOT / "web/ops/strings").glob("*.json"):
        words = json.loads(path.read_text())
        assert {f"ops.did.{name}" for name in decisions} == {key for key in words if key.startswith("ops.did.")}, path
        others = {key.removeprefix("ops.event.") for key in words if key.startswith("ops.event.")}
        assert decisions | events | others >= TOLD_EVENTS, path
