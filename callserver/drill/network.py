"""The customer's links in front of a server: UDP always, and TCP where a link does not let UDP pass."""

import random
import re

from callserver.drill.client import candidate
from callserver.drill.direct import replace_candidates
from callserver.drill.link import Link
from callserver.drill.outage import Outages
from callserver.drill.plan import Plan
from callserver.drill.relay import Relay
from callserver.drill.tcp_relay import TcpRelay

_FLEXFEC = re.compile(r"^a=rtpmap:(\d+) flexfec-03/90000\r?$", re.MULTILINE)


def without_flexfec(sdp: str) -> str:
    """The offer as a browser reads it that does not know FlexFEC."""
    for number in set(_FLEXFEC.findall(sdp)):
        sdp = re.sub(rf"(?m)^a=(?:rtpmap|fmtp|rtcp-fb):{number} .*\r\n", "", sdp)
        sdp = re.sub(rf"(?m)^(m=video .*) {number}\b", r"\1", sdp)
    return re.sub(r"(?m)^a=ssrc-group:FEC-FR .*\r\n", "", sdp)


class Network:
    """Give `prepare` every offer of the server; `close` at the end."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        # Seeds as in connect_direct: the same packets are lost, as far as the streams are the same.
        self._udp = Relay(*self._links(plan.seed))
        self._tcp: TcpRelay | None = None

    def _links(self, seed: int) -> tuple[Link, Link]:
        """From the customer, and to the customer."""
        from_customer = Link(self._plan.from_customer, random.Random(seed))  # noqa: S311 - an emulated link, no secret
        return from_customer, Link(self._plan.to_customer, random.Random(seed + 1))  # noqa: S311

    def prepare(self, sdp: str) -> str:
        """The offer with ourselves in the server's place; raise DrillError if that cannot be reached as needed."""
        if not self._plan.flexfec:
            sdp = without_flexfec(sdp)
        self._udp.connect_far(candidate(sdp, "udp"))
        if self._plan.blocks_udp and self._tcp is None:
            links = self._links(self._plan.seed + 2)
            self._tcp = TcpRelay(*links, candidate(sdp, "tcp"), self._udp.outages)
        return replace_candidates(sdp, self._udp.near, self._tcp.near if self._tcp is not None else None)

    def start_clock(self) -> None:
        """The links' schedules begin now."""
        self._udp.start_clock()
        if self._tcp is not None:
            self._tcp.start_clock()

    @property
    def outages(self) -> Outages:
        """How long nothing reached the customer (`near`) or the server (`far`)."""
        return self._udp.outages

    async def close(self) -> None:
        self._udp.close()
        if self._tcp is not None:
            await self._tcp.close()
