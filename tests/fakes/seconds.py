"""Measured seconds and calls for tests of quality."""

import msgspec

from media.api import LegSecond, LegStats, StatsReported
from signaling.protocol import Person
from signaling.records import CallState
from signaling.state import Call, Leg, Participant

GOOD = LegSecond(
    at=0.0,
    rtt_ms=60,
    level=40,
    up_packets=300,
    up_audio_packets=50,
    up_video_packets=250,
    up_audio_bps=60_000,
    up_video_bps=1_500_000,
    up_frames=30,
    down_packets=300,
    down_audio_packets=50,
    down_video_packets=250,
    down_audio_bps=32_000,
    down_video_bps=1_500_000,
    down_target_bps=3_000_000,
    down_sustained_bps=3_000_000,
    down_frames=30,
)
START = 1_800_000_000.0


def second(at: float = 0.0, **changes: object) -> LegSecond:
    """A good second but for what is named; `at` seconds after START."""
    return msgspec.structs.replace(GOOD, at=START + at, **changes)


def lossy(at: float, percent: int, *, direction: str = "up", row: float = 1.0) -> LegSecond:
    """A second with this loss before repair."""
    lost = 3 * percent
    values = {f"{direction}_lost": lost, f"{direction}_runs": round(lost / row)}
    return second(at, **values)


def answered_call(call_id: str = "call", *, media: str = "video") -> Call:
    """A call of two, connected."""
    state = CallState(call_id, "shop", "active", media, "en", START, Person("Ana"))  # type: ignore[arg-type]
    state.agent_id, state.agent_name, state.answered_at = "bo", "Bo", START
    customer = Participant("customer", "s1", current=Leg(f"{call_id}-c", up=True))
    agent = Participant("agent", "s2", "bo", current=Leg(f"{call_id}-a", up=True))
    return Call(state, customer, agent, joined=(f"{call_id}-c", f"{call_id}-a"))


def report(call: Call, customer: list[LegSecond], agent: list[LegSecond], lag_ms: float = 0.0) -> StatsReported:
    """What the call's worker says."""
    call_id = call.call_id
    return StatsReported(
        (
            LegStats(call_id, f"{call_id}-c", transport="udp4", seconds=tuple(customer)),
            LegStats(call_id, f"{call_id}-a", transport="udp4", seconds=tuple(agent)),
        ),
        lag_ms,
        engine_id="worker-0",
    )
