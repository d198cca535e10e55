"""The part of the model that records, takes pictures and verifies."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from signaling.policy import CallPolicy
from signaling.protocol import RecordingConsent, RecordingSet, StillTake, VerificationSet
from tests.unit.signaling.laws import Laws
from tests.unit.signaling.model_people import busy, pick, which

POLICIES = [
    CallPolicy(),
    CallPolicy("agent", waiting_music=True),
    CallPolicy("agent", consent="ask"),
    CallPolicy("always"),
    CallPolicy("always", consent="ask", announce=False),
]


class Keeping(Laws):
    """What agents and customers do beside talking."""

    items: int
    _after: Callable[[], None]

    @rule(n=which, state=st.sampled_from(["on", "on", "paused", "off"]))
    @precondition(lambda self: busy(self.agents))
    def record(self, n: int, state: str) -> None:
        client = pick(busy(self.agents), n)
        client.say(RecordingSet(client.call_id, state))
        self._after()

    @rule(n=which, granted=st.sampled_from([True, True, False]))
    @precondition(lambda self: busy(self.customers))
    def consent(self, n: int, granted: bool) -> None:
        client = pick(busy(self.customers), n)
        client.say(RecordingConsent(client.call_id, granted))
        self._after()

    @rule(n=which)
    @precondition(lambda self: [call for call in self.exchange.media.calls.values() if call.recordings])
    def the_disk_is_full(self, n: int) -> None:
        calls = [(name, call) for name, call in self.exchange.media.calls.items() if call.recordings]
        call_id, call = pick(calls, n)
        self.exchange.media.fail_recording(call_id, pick(list(call.recordings), n))
        self.exchange.tell_media()
        self._after()

    @rule(n=which, on=st.booleans(), shot=st.sampled_from(["", "label"]))
    @precondition(lambda self: busy(self.agents))
    def verify(self, n: int, on: bool, shot: str) -> None:
        client = pick(busy(self.agents), n)
        client.say(VerificationSet(client.call_id, on, shot))
        self._after()

    @rule(n=which, uploads=st.booleans())
    @precondition(lambda self: busy(self.agents))
    def still(self, n: int, uploads: bool) -> None:
        client = pick(busy(self.agents), n)
        self.items += 1
        name = f"still{self.items}"
        client.say(StillTake(client.call_id, name))
        self._after()
        board, exchange = self.exchange.switchboard.board, self.exchange
        call = board.calls.get(client.call_id)
        if uploads and call is not None and name in call.stills and call.customer is not None:
            exchange.photos.add(f"page-{name}")
            page, photo = call.customer.session_id, f"page-{name}"
            exchange.do(exchange.switchboard.still_added(exchange.at, call.call_id, page, name, photo, (4000, 3000)))
            self._after()
