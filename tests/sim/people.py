"""Calls between browsers for scenarios on bad networks."""

from media.api import Kind, Slot
from media.bridge.parameters import InboundSlot, OutboundSlot, PayloadTypes
from tests.sim.browser import RED_VIDEO, ULPFEC, Browser
from tests.sim.call import Call
from tests.sim.page import parameters
from tests.sim.source import OPUS, RED_AUDIO, VP8, VP8_RTX

FLEXFEC = 101
TYPES = PayloadTypes(opus=OPUS, red_audio=RED_AUDIO, vp8=VP8, vp8_rtx=VP8_RTX, flexfec=FLEXFEC)
ULPFEC_TYPES = PayloadTypes(
    opus=OPUS, red_audio=RED_AUDIO, vp8=VP8, vp8_rtx=VP8_RTX, red_video=RED_VIDEO, red_video_rtx=99, ulpfec=ULPFEC
)
"""As Firefox and Safari take them."""
CAMERA_TYPES = PayloadTypes(opus=OPUS, red_audio=RED_AUDIO, vp8=VP8, vp8_rtx=VP8_RTX)


def join(
    call: Call,
    name: str,
    types: PayloadTypes = TYPES,
    *,
    camera: bool = True,
    max_bps: float = 2_000_000.0,
    **changes: object,
) -> Browser:
    """A browser with its leg; `types` are those it accepted for what we send, `changes` those of LegParameters."""
    base = 1000 * (1 + len(call.pages))
    video = (types.flexfec is not None and base + 21, types.flexfec is not None and base + 23)
    value = parameters(
        base,
        inbound=(
            InboundSlot("0", Slot.AUDIO, Kind.AUDIO, CAMERA_TYPES, base + 1),
            InboundSlot("1", Slot.CAMERA, Kind.VIDEO, CAMERA_TYPES, base + 2, base + 3),
        ),
        outbound=(
            OutboundSlot("0", Slot.AUDIO, Kind.AUDIO, types, base + 10),
            OutboundSlot("2", Slot.MAIN, Kind.VIDEO, types, base + 11, base + 12, video[0] or None),
            OutboundSlot("3", Slot.SIDE, Kind.VIDEO, types, base + 13, base + 14, video[1] or None),
            OutboundSlot("4", Slot.AUDIO_SIDE, Kind.AUDIO, types, base + 15),
        ),
        **changes,
    )
    page = Browser(call.clock, base, 7 + base, value, max_bps=max_bps, camera=camera)
    call.join(name, page)
    return page


def watch_pauses(call: Call, name: str, source: Browser) -> list[tuple[float, bool]]:
    """What the shell is told of this leg's pictures; the source's voice becomes narrower meanwhile, as pages do."""
    told: list[tuple[float, bool]] = []

    def tell(paused: bool) -> None:
        told.append((call.clock.now, paused))
        call.clock.after(0.1, lambda: source.microphone.narrow(paused))

    call.legs[name].rates.video_paused = tell
    return told


def watched(
    link: str = "",
    up: str = "",
    *,
    seconds: float = 0.0,
    seed: int = 7,
    back: str = "delay=50",
    wait: float = 2.0,
    types: PayloadTypes = TYPES,
    **changes: object,
) -> tuple[Call, Browser, Browser]:
    """A customer who only speaks, behind a link, watches and hears an agent; connected after `wait` seconds (it rings).

    The links act at once, their own time begins with the connection.
    """
    call = Call(seed)
    customer = join(call, "customer", types, camera=False, **changes)
    agent = join(call, "agent")
    customer.down.shape(link or "delay=50")
    customer.up.shape(back)
    agent.up.shape(up or "delay=20")
    agent.down.shape("delay=20")
    customer.paused = watch_pauses(call, "customer", agent)
    call.run(wait)
    customer.down.shape(link or "delay=50")
    agent.up.shape(up or "delay=20")
    call.connect("customer", "agent")
    call.run(seconds)
    return call, customer, agent
