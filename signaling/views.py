"""How a call looks to each side, and what is worth a word of its own when that changes."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from media.errors import DISK_FULL
from signaling.call import ANSWERED, UNANSWERED
from signaling.protocol import CallView, ChatItem, MediaLimited, MediaWish, Person, RecordingView, VerificationView
from signaling.records import CallState
from signaling.session import Session
from signaling.state import Call, Participant

WEAK_AUDIO_BPS = 20_000
"""Wide-band Opus speech still sounds natural (RFC 6716 §2.1.1: 16 to 20 kbit/s), and with headers it fits where
pictures do not."""


def sees(call: Call, one: Participant, sessions: Mapping[str, Session], chat: bool = False) -> CallView:
    """The call as `one` may see it: an agent sees the customer while it rings, the customer no one before."""
    if one.role == "customer":
        other = call.agent
        peer = Person(name=call.state.agent_name, verified=True) if other else None
    else:
        other = call.customer
        peer = call.state.customer
    leg = one.current if call.state.phase in ANSWERED else None
    audio, video = call.state.sending.get(other.role, (True, True)) if other else (True, True)
    return view(
        call.state,
        one.role,
        peer=peer,
        position=call.position,
        peer_audio=audio,
        peer_video=video,
        peer_connected=other is None or _is_here(other, sessions),
        video_paused=_is_limited(call, one),
        peer_video_paused=_is_limited(call, other),
        sending_paused=_sends_too_little(call, one),
        peer_sending_paused=_sends_too_little(call, other),
        unshowable=_cannot_show(call, one),
        peer_unshowable=_cannot_show(call, other),
        voice_cleaned=_hears_cleaned(call, one),
        video_bps=leg.video_bps if leg else 0,
        video_layers=one.current is None or one.current.video_layers,
        playout_ms=leg.playout_ms if leg else 0,
        uplink_full=one.current is not None and one.current.uplink_full,
        uplink_lossy=one.current is not None and one.current.uplink_lossy,
        verification=_verification(call, one),
        chat=list(call.chat) if chat else [],
    )


def view(
    state: CallState,
    role: str,
    *,
    peer: Person | None = None,
    position: int = 0,
    peer_audio: bool = True,
    peer_video: bool = True,
    peer_connected: bool = True,
    video_paused: bool = False,
    peer_video_paused: bool = False,
    sending_paused: bool = False,
    peer_sending_paused: bool = False,
    unshowable: bool = False,
    peer_unshowable: bool = False,
    voice_cleaned: bool = False,
    video_bps: int = 0,
    video_layers: bool = True,
    playout_ms: int = 0,
    uplink_full: bool = False,
    uplink_lossy: bool = False,
    verification: VerificationView | None = None,
    chat: list[ChatItem] | None = None,
) -> CallView:
    """Also the view of an ended call, of which only the state is left."""
    return CallView(
        call_id=state.call_id,
        phase=state.phase,
        media=state.media,
        created_at=state.created_at,
        position=position if state.phase in UNANSWERED else 0,
        answered_at=state.answered_at,
        ended_at=state.ended_at,
        reason=state.reason,
        peer=peer,
        peer_audio=peer_audio,
        peer_video=peer_video,
        peer_connected=peer_connected,
        video_paused=video_paused,
        peer_video_paused=peer_video_paused,
        sending_paused=sending_paused,
        peer_sending_paused=peer_sending_paused,
        unshowable=unshowable,
        peer_unshowable=peer_unshowable,
        clean_voice=state.clean_voice and role == "agent",
        voice_cleaned=voice_cleaned,
        audio_bps=WEAK_AUDIO_BPS if peer_video_paused else 0,
        video_bps=video_bps,
        video_layers=video_layers,
        playout_ms=playout_ms,
        uplink_full=uplink_full,
        uplink_lossy=uplink_lossy,
        language=state.language,
        context=state.context if role == "agent" else None,
        recording=_recording(state, role),
        may_record=_may_record(state, role),
        verification=verification,
        chat=chat or [],
        rated=state.rating > 0,
    )


def _recording(state: CallState, role: str) -> RecordingView | None:
    found = state.recording
    if found is None or found.state == "ended" or found.state == "deleted" or state.phase not in ANSWERED:
        return None
    full = role == "agent" and found.state == "failed" and found.reason == DISK_FULL
    voice_only = found.audio_only and state.media == "video"
    return RecordingView(found.state, found.started_at or 0.0, "disk_full" if full else "", voice_only)


def _may_record(state: CallState, role: str) -> Literal["", "agent", "always"]:
    recording = state.policy.recording
    return "" if role != "agent" or recording == "off" else recording


def _verification(call: Call, one: Participant) -> VerificationView | None:
    running = call.verification
    if running is None or call.state.phase not in ANSWERED or one not in (call.customer, call.agent):
        return None
    return VerificationView(running.challenge, running.shot, call.shots_done(running.started_at))


def of_ended(state: CallState, role: str) -> CallView:
    """What is left to show of an ended call."""
    if role == "agent":
        return view(state, role, peer=state.customer)
    return view(state, role, peer=Person(name=state.agent_name, verified=True) if state.agent_name else None)


def limits_told(before: CallView | None, after: CallView) -> Iterator[MediaLimited | MediaWish]:
    """The messages about what has changed in the limits of a side's media."""
    if (before is not None and before.video_paused) != after.video_paused:
        yield MediaLimited(0, "own", "paused" if after.video_paused else "")
    if (before is not None and before.peer_video_paused) != after.peer_video_paused:
        yield MediaLimited(0, "peer", "paused" if after.peer_video_paused else "")
    wish, told = _wish(after), MediaWish(0, 0) if before is None else _wish(before)
    if wish != told:
        yield wish


def _wish(seen: CallView) -> MediaWish:
    return MediaWish(
        0, seen.audio_bps, seen.video_bps, seen.video_layers, seen.playout_ms, seen.uplink_full, seen.uplink_lossy
    )


def same_but_for_limits(one: CallView, other: CallView) -> bool:
    """Whether two views differ in nothing that `limits_told` does not tell."""
    return other == msgspec.structs.replace(
        one,
        video_paused=other.video_paused,
        peer_video_paused=other.peer_video_paused,
        audio_bps=other.audio_bps,
        video_bps=other.video_bps,
        video_layers=other.video_layers,
        playout_ms=other.playout_ms,
        uplink_full=other.uplink_full,
        uplink_lossy=other.uplink_lossy,
    )


def _is_limited(call: Call, one: Participant | None) -> bool:
    talking = call.state.phase in ANSWERED
    return talking and one is not None and one.current is not None and one.current.video_paused


def _sends_too_little(call: Call, one: Participant | None) -> bool:
    talking = call.state.phase in ANSWERED
    return talking and one is not None and one.current is not None and one.current.sending_paused


def _cannot_show(call: Call, one: Participant | None) -> bool:
    talking = call.state.phase in ANSWERED
    return talking and one is not None and one.current is not None and one.current.unshowable


def _hears_cleaned(call: Call, one: Participant) -> bool:
    leg = call.customer.current if call.customer is not None and one.role == "agent" else None
    return call.state.phase in ANSWERED and leg is not None and leg.cleaned


def _is_here(other: Participant, sessions: Mapping[str, Session]) -> bool:
    session = sessions.get(other.session_id)
    return session is not None and session.attached and not other.broken
