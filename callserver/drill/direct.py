"""The reference: libwebrtc to libwebrtc through the same links, as two browsers would talk without a server."""

import asyncio
import random
import re
from collections.abc import Sequence

import webrtc

from callserver.drill.caller import Caller
from callserver.drill.link import Link
from callserver.drill.relay import Relay
from callserver.drill.spec import Phase

RING_SECONDS = 2.0
"""How long a person takes to answer; the connections stand meanwhile."""

_CANDIDATE = re.compile(r"^a=(?:candidate:.*|end-of-candidates)\r\n", re.MULTILINE)
_PRIORITY = re.compile(r"^a=candidate:\S+ 1 (udp|tcp) (\d+) ", re.MULTILINE)


async def connect_direct(
    customer: Caller, agent: Caller, to_customer: Sequence[Phase], from_customer: Sequence[Phase], seed: int
) -> Relay:
    """Join two callers over the relay; the customer's link is the emulated one. Raise TimeoutError."""
    relay = Relay(
        towards_far=Link(from_customer, random.Random(seed)),  # noqa: S311 - an emulated link, not a secret
        towards_near=Link(to_customer, random.Random(seed + 1)),  # noqa: S311
    )
    for caller in (customer, agent):
        caller.pc.add_track(caller.audio_track)
        caller.pc.add_track(caller.video_track)
    await customer.pc.set_local_description(await customer.pc.create_offer())
    await customer.gathered()
    await agent.pc.set_remote_description(_through(customer.pc.local_description, relay.far))
    await agent.pc.set_local_description(await agent.pc.create_answer())
    await agent.gathered()
    await customer.pc.set_remote_description(_through(agent.pc.local_description, relay.near))
    await asyncio.gather(customer.connected(), agent.connected())
    customer.start()
    agent.start()
    await asyncio.sleep(RING_SECONDS)  # the same head start as a call that rings
    return relay


def _through(
    description: webrtc.RTCSessionDescription | None, address: tuple[str, int]
) -> webrtc.RTCSessionDescriptionInit:
    """The description with the relay as its only candidate."""
    assert description is not None
    return webrtc.RTCSessionDescriptionInit(type=description.type, sdp=replace_candidates(description.sdp, address))


def replace_candidates(sdp: str, address: tuple[str, int], tcp: tuple[str, int] | None = None) -> str:
    """Take out all candidates and offer `address` over UDP in every m-line, and `tcp` over TCP, as highly as before."""
    priorities = dict(_PRIORITY.findall(sdp)[::-1])
    line = f"a=candidate:1 1 udp {priorities.get('udp', 2122260223)} {address[0]} {address[1]} typ host\r\n"
    if tcp is not None:
        line += f"a=candidate:2 1 tcp {priorities['tcp']} {tcp[0]} {tcp[1]} typ host tcptype passive\r\n"
    line += "a=end-of-candidates\r\n"
    head, *lines = re.split(r"(?m)^(?=m=)", _CANDIDATE.sub("", sdp))
    return head + "".join(section + line for section in lines)
