"""What the ways of a call carry, as the engine and the pages say it; signaling.views shows it to both sides."""

from media.api import PlayoutWished, SourceWished, UplinkJudged, VideoUnshowable, VoiceCleaned
from signaling.board import Board
from signaling.call import ANSWERED
from signaling.session import Session

Told = SourceWished | PlayoutWished | UplinkJudged | VideoUnshowable | VoiceCleaned


def wished(board: Board, wish: Told) -> None:
    """The camera should send so much at most, the page hold what it plays so long (0: as it likes), or send less; or
    the page lacks the other's codec and nothing is made for it: both sides are told that in words; or its voice is
    heard with less noise."""
    call = board.calls.get(wish.call_id)
    found = call.of_leg(wish.leg_id) if call else None
    if call is not None and found is not None:
        if isinstance(wish, SourceWished):
            found[1].video_bps, found[1].video_layers = wish.video_bps, wish.layers
        elif isinstance(wish, UplinkJudged):
            found[1].uplink_full, found[1].uplink_lossy = wish.full, wish.lossy
        elif isinstance(wish, VideoUnshowable):
            if wish.unshowable > found[1].unshowable:
                board.record(call.state, "video_unshowable", role=found[0].role)
            found[1].unshowable = wish.unshowable
        elif isinstance(wish, VoiceCleaned):
            found[1].cleaned = wish.cleaned
        else:
            found[1].playout_ms = wish.milliseconds
        board.glance(call)


def limited(board: Board, call_id: str, leg_id: str, paused: bool) -> None:
    """Pictures to the leg stopped, or are back: both sides are told by what they see of the call."""
    call = board.calls.get(call_id)
    found = call.of_leg(leg_id) if call else None
    if call is not None and found is not None:
        if found[1].video_paused != paused and call.state.phase in ANSWERED:
            board.record(call.state, "video_paused" if paused else "video_resumed", role=found[0].role)
        found[1].video_paused = paused
        board.glance(call)


def narrow(board: Board, session: Session, leg_id: str, paused: bool) -> None:
    """A page's own way out carries the voice only, or its picture as well again: both sides are told in words."""
    place = board.place_of(session)
    leg = place[1].leg(leg_id) if place else None
    if place is None or leg is None:
        return  # legs come and go
    call = place[0]
    if leg.sending_paused != paused and call.state.phase in ANSWERED:
        board.record(call.state, "video_paused" if paused else "video_resumed", role=session.state.role)
    leg.sending_paused = paused
    board.glance(call)
