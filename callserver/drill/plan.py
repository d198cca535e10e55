"""What a drill runs and where; no heavy imports, so that the command line can check it at once."""

from typing import NamedTuple

import msgspec

from callserver.drill.spec import Phase


class Plan(msgspec.Struct, frozen=True):
    """The customer's two links, how long, and the seed of everything random."""

    to_customer: tuple[Phase, ...]
    from_customer: tuple[Phase, ...]
    seconds: float
    seed: int = 1
    flexfec: bool = True
    """Whether the customer takes FlexFEC, as Chromium does; Firefox and Safari take ULPFEC only."""

    @property
    def blocks_udp(self) -> bool:
        """Whether UDP does not pass for some of the time: then ICE-TCP is the only way."""
        return not all(phase.state.udp for phase in (*self.to_customer, *self.from_customer))


class Server(NamedTuple):
    """Where the server is and who may answer calls there."""

    url: str
    site: str
    login: str
    password: str
