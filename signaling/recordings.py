"""Recording a call: who may begin, pause and stop it, what the customer must agree to, and what the engine is told.

The wish (`Recording.wish`) is the agent's, the state is the engine's word. `follow` runs at the end of every turn that
touched the call and tells the engine what is missing, so that a lost worker or a restart of ours needs no rule of its
own. Nothing is recorded before two people are connected, and nothing starts while a pause is wished.
"""

from msgspec import structs

from media.api import AnnouncementEnded, RecordingChanged, RecordingState
from signaling.actions import PauseRecording, Play, StartRecording, StopRecording
from signaling.board import Board
from signaling.call import ANSWERED
from signaling.policy import DAY
from signaling.protocol import RecordingConsent, RecordingSet
from signaling.records import Recording
from signaling.session import Session
from signaling.speech import spoken
from signaling.state import Call

MAX_FINISHING = 1_000
OVER = ("refused", "failed")
"""States after which the agent may begin anew."""


def set_state(board: Board, session: Session, call: Call, message: RecordingSet) -> None:
    """The agent wants it on, paused or off; a repeat changes nothing."""
    policy, recording = call.state.policy, call.state.recording
    if call.state.phase not in ANSWERED:
        board.error(session, "wrong_state", "the call is not answered", "recording.set")
    elif policy.recording == "off":
        board.error(session, "not_allowed", "this site does not record", "recording.set")
    elif message.state == "on":
        want(board, call, "agent")
    elif message.state == "off" and policy.recording == "always" and recording and recording.by == "policy":
        board.error(session, "not_allowed", "this site records every call; you may pause", "recording.set")
    elif message.state == "off":
        stop(board, call, "agent")
    elif recording is None or recording.state in ("asking", *OVER):
        board.error(session, "wrong_state", "nothing is recorded", "recording.set")
    else:
        _wish(board, call, recording, "paused")


def want(board: Board, call: Call, by: str) -> None:
    """Begin a recording, or go on after a pause."""
    recording = call.state.recording
    if recording is None or recording.state in OVER:
        _begin(board, call, by)
    elif recording.state != "asking":
        _wish(board, call, recording, "on")


def _wish(board: Board, call: Call, recording: Recording, wish: str) -> None:
    if recording.wish != wish:
        board.record(call.state, f"recording_wished_{wish}", by="agent")
        _keep(board, call, structs.replace(recording, wish=wish))


def _begin(board: Board, call: Call, by: str) -> None:
    state, policy = call.state, call.state.policy
    asks = policy.consent == "ask"
    recording = Recording(
        recording_id=board.environment.new_id("recording"),
        call_id=call.call_id,
        site_id=state.site_id,
        state="asking" if asks else "starting",
        by="policy" if by == "policy" else "agent",
        consent="notice",
        audio_only=policy.audio_only or state.media == "audio",
        created_at=board.at.wall,
        due_at=board.at.wall + policy.retention_days * DAY,
    )
    board.record(state, "recording_asked" if asks else "recording_noticed", by=by)
    _keep(board, call, recording)


def consent(board: Board, session: Session, call: Call, message: RecordingConsent) -> None:
    """The customer's answer; only the question that is open can be answered."""
    recording = call.state.recording
    if recording is None or recording.state != "asking":
        if not (recording is not None and recording.consent == "granted" and message.granted):  # a repeat
            board.error(session, "wrong_state", "you were not asked", "recording.consent")
        return
    if message.granted:
        board.record(call.state, "recording_consented", by="customer")
        _keep(board, call, structs.replace(recording, state="starting", consent="granted"))
    else:
        board.record(call.state, "recording_refused", by="customer")
        _keep(board, call, structs.replace(recording, state="refused"))


def stop(board: Board, call: Call, by: str) -> None:
    """End the call's recording, if there is one; `by` stands in the history."""
    recording = call.state.recording
    if recording is None:
        return
    if call.told:
        board.act(StopRecording(call.call_id, recording.recording_id))
        if by == "agent":
            _announce(board, call, "recording_stopped")
    _finish(board, call, recording, by)
    board.touch(call)


def close(board: Board, call: Call) -> None:
    """The call ends; closing its media ends the recording with it."""
    if call.state.recording is not None:
        _finish(board, call, call.state.recording, "")


def _finish(board: Board, call: Call, recording: Recording, by: str) -> None:
    call.state.recording = None
    told, call.told = call.told, ""
    if recording.state in ("asking", *OVER):
        return
    over = structs.replace(recording, state="ended", ended_at=board.at.wall)
    board.keep_recording(over)
    board.record(call.state, "recording_stopped", by=by, recording=recording.recording_id)
    if told or recording.parts:
        board.finishing[over.recording_id] = over
        while len(board.finishing) > MAX_FINISHING:
            del board.finishing[next(iter(board.finishing))]


def follow(board: Board, call: Call) -> None:
    """Tell the engine what the wish asks for and it was not told yet."""
    if call.state.phase not in ANSWERED:
        stop(board, call, "")  # the agent was lost: the next one begins anew
        return
    if call.state.recording is None and call.state.policy.recording == "always":
        _begin(board, call, "policy")
    recording = call.state.recording
    if recording is None or recording.state in ("asking", *OVER) or not call.joined:
        return
    sides = [(one.current, one.role) for one in call.participants()]
    names: dict[str, str] = {leg.leg_id: role for leg, role in sides if leg is not None}
    if recording.wish == "on" and (not call.told or names != call.named):
        # A repeat for a recording that runs only tells the recorder whose legs the new ones are.
        call.named, first = names, not call.told
        board.act(StartRecording(call.call_id, recording.recording_id, recording.audio_only, names))
        if first:
            call.told = "on"
    if call.told and call.told != recording.wish:
        call.told = recording.wish
        board.act(PauseRecording(call.call_id, recording.recording_id, recording.wish == "paused"))


def lost(board: Board, call: Call) -> None:
    """The engine holds nothing of the recording any more: it goes on as a new part when the legs are back."""
    recording = call.state.recording
    call.told, call.named = "", {}
    if recording is not None and recording.state == "on":
        _keep(board, call, structs.replace(recording, state="starting"))


def changed(board: Board, event: RecordingChanged | AnnouncementEnded) -> None:
    """The engine's word about a recording; nothing follows from the end of what was said about it."""
    if isinstance(event, AnnouncementEnded):
        return
    call = board.calls.get(event.call_id)
    recording = call.state.recording if call is not None else None
    if call is None or recording is None or recording.recording_id != event.recording_id:
        _figures(board, event)
    elif event.state is RecordingState.STOPPED or event.state is RecordingState.FAILED:
        if call.told:
            broke(board, call.call_id, event.recording_id, event.reason or "it ended by itself")
    else:
        _runs(board, call, _counted(recording, event), event.state)


def _runs(board: Board, call: Call, recording: Recording, said: RecordingState) -> None:
    if said is RecordingState.STARTED:
        again, before = recording.parts > 0, recording.state
        recording = structs.replace(recording, started_at=recording.started_at or board.at.wall)
        recording = structs.replace(recording, parts=recording.parts + 1)
        board.record(call.state, "recording_continued" if again else "recording_started", **_named(recording))
        if not again:
            _announce(board, call, "recording_started")
        elif before == "paused":  # the worker that was told of the pause is lost
            _announce(board, call, "recording_resumed")
    elif said is RecordingState.PAUSED and recording.state != "paused":
        board.record(call.state, "recording_paused", **_named(recording))
        _announce(board, call, "recording_paused")
    elif said is RecordingState.RESUMED and recording.state == "paused":
        board.record(call.state, "recording_resumed", **_named(recording))
        _announce(board, call, "recording_resumed")
    state = "paused" if said is RecordingState.PAUSED else "on"
    _keep(board, call, structs.replace(recording, state=state))


def broke(board: Board, call_id: str, recording_id: str, reason: str) -> None:
    """The engine cannot record (disk full, no codec worker): the call goes on, both sides are told, the agent may try
    again. A pause that could not be made ends here, too: better no recording than one of a card number."""
    call = board.calls.get(call_id)
    recording = call.state.recording if call is not None else None
    if call is None or recording is None or recording.recording_id != recording_id or recording.state in OVER:
        return
    call.told, call.named = "", {}
    board.act(StopRecording(call_id, recording_id))
    board.record(call.state, "recording_failed", reason=reason[:200], recording=recording_id)
    if recording.state == "on":
        _announce(board, call, "recording_stopped")
    failed = structs.replace(recording, state="failed", ended_at=board.at.wall, reason=reason[:200])
    _keep(board, call, failed)


def _figures(board: Board, event: RecordingChanged) -> None:
    """The last word about a recording that the call does not have any more."""
    over = board.finishing.get(event.recording_id)
    if over is None:
        return
    over = _counted(over, event)
    board.keep_recording(over)
    if event.state in (RecordingState.STOPPED, RecordingState.FAILED):
        del board.finishing[event.recording_id]
    else:
        board.finishing[event.recording_id] = over


def _counted(recording: Recording, event: RecordingChanged) -> Recording:
    # A part begun by another worker counts from zero again.
    seconds, size = max(recording.seconds, event.seconds), max(recording.size_bytes, event.size_bytes)
    return structs.replace(recording, seconds=seconds, size_bytes=size)


def _keep(board: Board, call: Call, recording: Recording) -> None:
    call.state.recording = recording
    board.touch(call)
    if recording.state not in ("asking", "refused"):
        board.keep_recording(recording)


def _named(recording: Recording) -> dict[str, str]:
    return {"recording": recording.recording_id}


def _announce(board: Board, call: Call, announcement: str) -> None:
    """Say it to the customer, if the site wants it said; what is shown says it in any case."""
    leg = call.customer.current if call.customer is not None else None
    if call.state.policy.announce and leg is not None and leg.up:
        board.act(Play(call.call_id, leg.leg_id, spoken(announcement, call.state.language), repeat=False))
