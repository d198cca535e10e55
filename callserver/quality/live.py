"""A call in progress as /ops shows it."""

from callserver.quality.held import HeldCall, HeldSide
from callserver.quality.series import Point, values
from media.quality import verdict as found
from signaling.quality_values import LiveCall, LiveLeg, Verdict
from signaling.records import CallState
from signaling.state import Call


def live_call(state: CallState, held: HeldCall, call: Call) -> LiveCall:
    """The call, its sides and what is wrong now."""
    return LiveCall(
        call_id=state.call_id,
        site_id=state.site_id,
        phase=state.phase,
        media=state.media,
        created_at=state.created_at,
        answered_at=state.answered_at,
        customer=state.customer.name,
        agent_id=state.agent_id,
        agent_name=state.agent_name,
        language=state.language,
        country=state.country,
        worker=held.worker,
        legs=[_leg(side, _broken(call, side.role)) for side in held.sides.values()],
        verdicts=[shown(verdict) for verdict in held.diagnosis.current()],
    )


def _broken(call: Call, role: str) -> bool:
    one = call.customer if role == "customer" else call.agent
    return one is None or one.broken


def _leg(side: HeldSide, broken: bool) -> LiveLeg:
    now = {}
    if side.newest is not None:
        now = values(Point(side.newest.second, side.newest.page, side.newest.score))
    return LiveLeg(
        side.leg_id,
        side.role,
        side.device.browser,
        side.device.network,
        side.transport,
        "disconnected" if broken else "connected",
        side.spark(),
        now,
    )


def shown(verdict: found.Verdict) -> Verdict:
    """As pages and REST show it."""
    return Verdict(
        verdict.begin,
        verdict.end,
        verdict.side,
        verdict.direction,
        verdict.kind,
        verdict.severity,
        verdict.value,
        list(verdict.heard_by),
        list(verdict.did),
        verdict.tell,
        verdict.title,
    )
