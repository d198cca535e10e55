"""What must hold after every step of the model, whatever happened."""

import msgspec
from hypothesis.stateful import RuleBasedStateMachine, invariant

from media.api import LegState, RecordingState
from signaling.state import Call
from tests.fakes.client import Client
from tests.fakes.exchange import Exchange


def _limits(call: Call, session_id: str) -> tuple[bool, bool, int]:
    """What a side's page has to show of both connections."""
    one = call.of_session(session_id)
    assert one is not None
    weak = {
        side.session_id: side.current is not None and side.current.video_paused
        for side in call.participants()
        if call.state.phase in ("active", "on_hold")
    }
    other = call.other(one)
    far = other is not None and weak.get(other.session_id, False)
    return weak.get(session_id, False), far, 20_000 if far else 0


def _recording(call: Call) -> str | None:
    """What both sides have to be shown."""
    found = call.state.recording
    return found.state if found is not None and call.state.phase in ("active", "on_hold") else None


class Laws(RuleBasedStateMachine):
    """The invariants; the machine that inherits them makes things happen."""

    exchange: Exchange
    customers: list[Client]
    agents: list[Client]

    def everyone(self) -> list[Client]:
        return [*self.customers, *self.agents]

    @invariant()
    def agents_are_in_one_call_at_most(self) -> None:
        board = self.exchange.switchboard.board
        for agent in board.roster:
            in_calls = [call for call in board.calls.values() if call.agent and call.agent.agent_id == agent.agent_id]
            rings = [call for call in board.calls.values() if agent.agent_id in call.ringers]
            assert len(in_calls) + len(rings) <= 1
            assert agent.call_id == (in_calls[0].call_id if in_calls else "")
            assert agent.ringing == (rings[0].call_id if rings else "")
        for call in board.calls.values():
            if call.state.phase in ("active", "on_hold"):
                assert call.agent is not None
                assert not call.ringers
                assert board.roster.get(call.agent.agent_id) is not None
                assert self.exchange.store.claims[call.call_id] == call.agent.agent_id
            else:
                assert call.agent is None
                assert bool(call.ringers or call.claiming) == (call.state.phase == "ringing")

    @invariant()
    def sessions_and_calls_agree(self) -> None:
        board = self.exchange.switchboard.board
        sides = {one.session_id: call.call_id for call in board.calls.values() for one in call.participants()}
        assert sides == {key: session.call_id for key, session in board.sessions.items() if session.call_id}
        assert len(board.tokens) == len(board.sessions)

    @invariant()
    def memory_is_what_the_store_holds(self) -> None:
        board, store = self.exchange.switchboard.board, self.exchange.store
        for call in board.calls.values():
            assert msgspec.json.encode(call.state) == store.calls[call.call_id]
        for call_id in store.calls.keys() - board.calls.keys():
            assert store.call(call_id).phase == "ended"
        assert set(store.sessions) == set(board.sessions)

    @invariant()
    def pages_see_what_is(self) -> None:
        board = self.exchange.switchboard.board
        for client in self.everyone():
            session = board.sessions.get(client.session_id)
            if client.connection is None or session is None:
                continue
            call = board.calls.get(session.call_id)
            if call is None:
                assert client.phase in ("", "ended")
            else:
                assert (client.call_id, client.phase) == (call.call_id, call.state.phase)
                assert client.call is not None
                assert client.call.get("position", 0) == (call.position if call.state.phase == "waiting" else 0)
                assert (client.call.get("recording") or {}).get("state") == _recording(call)
                assert client.limits == _limits(call, client.session_id)
            agent = board.roster.get(session.state.agent_id) if session.state.role == "agent" else None
            assert list(client.incoming) == ([agent.ringing] if agent and agent.ringing else [])

    @invariant()
    def waiting_customers_ring_where_they_can(self) -> None:
        exchange = self.exchange
        board = exchange.switchboard.board
        for call in board.calls.values():
            if call.state.phase != "waiting":
                continue
            free = [agent.agent_id for agent in board.roster if agent.free]
            willing = [agent_id for agent_id in free if agent_id not in call.state.declined] or free
            assert all(call.paused.get(agent_id, 0.0) > exchange.now for agent_id in willing)

    @invariant()
    def nothing_is_left_of_what_is_over(self) -> None:
        exchange = self.exchange
        board = exchange.switchboard.board
        for key in board.timers.pending():
            assert key.subject in board.calls or key.subject in board.sessions
        if not exchange.lanes and not exchange.media.happened:
            assert exchange.media.calls.keys() <= board.calls.keys()
            answered = {call.call_id for call in board.calls.values() if call.agent is not None}
            assert exchange.store.claims.keys() == answered
            for call_id, media in exchange.media.calls.items():
                known = {leg.leg_id for one in board.calls[call_id].everyone() for leg in one.legs()}
                assert media.legs.keys() <= known

    @invariant()
    def who_talks_is_connected(self) -> None:
        exchange = self.exchange
        if exchange.lanes or exchange.media.happened:
            return
        for call in exchange.switchboard.board.calls.values():
            media = exchange.media.calls.get(call.call_id)
            if call.state.phase not in ("active", "on_hold"):
                assert media is None or len(media.connected) < 2
            elif media is not None and len(media.connected) == 2:
                assert media.held == (call.state.phase == "on_hold")
                self._mutes_hold(call)
            if call.state.phase == "active" and self._both_legs_work(call):
                assert media is not None
                assert len(media.connected) == 2

    @invariant()
    def what_is_recorded_is_what_everybody_sees(self) -> None:
        """The engine records only what is wished and agreed to, and pages say so; a pause is never broken."""
        exchange = self.exchange
        if exchange.lanes or exchange.media.happened:
            return
        for call in exchange.switchboard.board.calls.values():
            media = exchange.media.calls.get(call.call_id)
            running = {one.recording_id: one.state for one in media.recordings.values()} if media else {}
            running = {name: state for name, state in running.items() if state is not RecordingState.FAILED}
            recording = call.state.recording
            records = recording is not None and recording.state in ("on", "paused", "starting") and bool(call.told)
            assert list(running) == ([recording.recording_id] if recording and records else [])
            if recording is not None and running:
                assert (running[recording.recording_id] is RecordingState.PAUSED) == (recording.wish == "paused")
                assert recording.state == ("paused" if recording.wish == "paused" else "on")
                assert exchange.store.recordings[recording.recording_id] == recording

    def _both_legs_work(self, call: Call) -> bool:
        media = self.exchange.media.calls.get(call.call_id)
        legs = [one.current for one in call.participants()]
        return media is not None and all(
            leg is not None and leg.leg_id in media.legs and media.legs[leg.leg_id].state == LegState.CONNECTED
            for leg in legs
        )

    def _mutes_hold(self, call: Call) -> None:
        media = self.exchange.media.calls[call.call_id]
        for one in call.participants():
            if one.current is not None and one.current.leg_id in media.connected:
                muted = {kind.value for kind in media.legs[one.current.leg_id].muted}
                said = {kind for kind, on in zip(("audio", "video"), one.sending, strict=True) if not on}
                assert muted == said
