"""The media engine in this process: calls, their legs and the timers that drive them (media.api.MediaEngine)."""

from collections.abc import AsyncIterator

from media.api import EngineStatus, Kind, LegSpec, LegStats, MediaEvent, Offer


class Engine:
    """Implements media.api.MediaEngine on one UDP (and TCP) port. `start` first, `close` at the end."""

    draining: bool
    """True: calls go on, new ones are refused with CapacityError. Set it freely."""

    def __init__(
        self,
        *,
        host: str = "::",
        port: int = 0,
        advertise: tuple[str, ...] = (),
        tcp: bool = True,
        max_calls: int = 150,
        engine_id: str = "",
    ) -> None:
        """`port` 0 takes a free one, see `port` after `start`. `advertise`: addresses or names put into offers;
        empty: all of this machine's own but loopback (loopback if there is no other)."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The UDP and TCP port, once started."""
        raise NotImplementedError

    async def start(self) -> None:
        """Bind and serve; raise OSError if the port is taken."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close every call and the sockets; `events` ends."""
        raise NotImplementedError

    async def open_leg(self, spec: LegSpec) -> Offer:
        raise NotImplementedError

    async def accept_answer(self, call_id: str, leg_id: str, generation: int, sdp: str) -> None:
        raise NotImplementedError

    async def restart_ice(self, call_id: str, leg_id: str) -> Offer:
        raise NotImplementedError

    async def connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        raise NotImplementedError

    async def hold(self, call_id: str, held: bool) -> None:
        raise NotImplementedError

    async def mute(self, call_id: str, leg_id: str, kind: Kind, muted: bool) -> None:
        raise NotImplementedError

    async def close_leg(self, call_id: str, leg_id: str) -> None:
        raise NotImplementedError

    async def close_call(self, call_id: str) -> None:
        raise NotImplementedError

    async def status(self) -> EngineStatus:
        raise NotImplementedError

    async def stats(self, call_id: str) -> tuple[LegStats, ...]:
        raise NotImplementedError

    def events(self) -> AsyncIterator[MediaEvent]:
        """Everything that happens; ends when the engine is closed. One reader."""
        raise NotImplementedError
