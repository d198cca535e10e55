"""What the switchboard holds of a call in memory, beside the persisted CallState."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from media.api import Offer
from signaling.protocol import CallView, ChatItem
from signaling.records import CallState, Still, Verification


class Moment(NamedTuple):
    """The time of an input."""

    now: float
    """Monotonic seconds."""
    wall: float
    """Seconds since 1970."""


@dataclass(slots=True, eq=False)
class Leg:
    """One media leg of a participant."""

    leg_id: str
    offer: Offer | None = None
    """None while it is being opened."""
    generation: int = 0
    answered: int = -1
    """The newest generation whose answer was given to the engine."""
    up: bool = False
    """It has connected; it may be disconnected for the moment."""
    restarting: bool = False
    muted: tuple[bool, bool] | None = (False, False)
    """Audio and video as the engine was told; None: not known."""
    video_paused: bool = False
    """Its connection is too weak for pictures."""
    video_bps: int = 0
    """What its camera should send at most; 0: as it likes."""
    video_layers: bool = True
    """Whether in temporal layers."""
    playout_ms: int = 0
    """How long its page should hold what it plays; 0: as it likes."""
    uplink_full: bool = False
    """What its page sends stands in a queue on its way to us."""
    uplink_lossy: bool = False
    """Some of it is lost by chance."""
    sending_paused: bool = False
    """Its page lets its picture wait: its way to us carries the voice only."""
    cleaning: bool | None = False
    """Whether the engine was told to clean its voice; None: not known."""
    cleaned: bool = False
    """Its voice is heard with less noise."""
    unshowable: bool = False
    """Its page lacks the codec of the other side's picture."""
    music: str = ""
    """What the engine was told to play to it again and again."""


@dataclass(slots=True, eq=False)
class Participant:
    """A side of a call, or an agent at whom it rings."""

    role: Literal["customer", "agent"]
    session_id: str
    agent_id: str = ""
    current: Leg | None = None
    pending: Leg | None = None
    """Opened to replace `current`, which stays until this one is connected."""
    replacing: bool = False
    """A replacement is wanted, whether or not it could be opened yet."""
    broken: bool = False
    """Media is away for the moment."""
    sending: tuple[bool, bool] = (True, True)
    """Audio and video, as the page says."""
    failures: deque[float] = field(default_factory=deque)
    """Times of failed legs within the window."""
    open_failures: int = 0
    view: CallView | None = None
    """The last view sent, to send changes only."""

    def legs(self) -> Iterator[Leg]:
        if self.current is not None:
            yield self.current
        if self.pending is not None:
            yield self.pending

    def leg(self, leg_id: str) -> Leg | None:
        for leg in (self.current, self.pending):
            if leg is not None and leg.leg_id == leg_id:
                return leg
        return None


@dataclass(slots=True, eq=False)
class Call:
    """A call that is not ended."""

    state: CallState
    customer: Participant | None = None
    agent: Participant | None = None
    ringers: dict[str, Participant] = field(default_factory=dict)
    """By agent id."""
    claiming: set[str] = field(default_factory=set)
    """Agents whose claim is on its way."""
    claimed: bool = False
    """A claim may be in the records."""
    missed: set[str] = field(default_factory=set)
    greeted: bool = False
    """The customer was told, in words, to stay on the line."""
    paused: dict[str, float] = field(default_factory=dict)
    """Agent id to the monotonic time before which it does not ring there again."""
    chat: list[ChatItem] = field(default_factory=list)
    chat_ids: dict[str, str] = field(default_factory=dict)
    """Sender by item id."""
    joined: tuple[str, ...] = ()
    """Legs the engine was told to connect."""
    held: bool = False
    """The engine was told to hold."""
    join_failures: int = 0
    offered: bool = False
    """The engine has made an offer for this call before, so a full engine is a passing trouble."""
    position: int = 0
    told: Literal["", "on", "paused"] = ""
    """What the engine was told about the call's recording; empty: nothing, or it has lost it."""
    named: dict[str, str] = field(default_factory=dict)
    """Legs by the names the recorder knows them by."""
    stills: dict[str, Still] = field(default_factory=dict)

    @property
    def call_id(self) -> str:
        return self.state.call_id

    @property
    def verification(self) -> Verification | None:
        """The one that is under way."""
        found = self.state.verification
        return found if found is not None and found.ended_at is None else None

    def shots_done(self, since: float) -> tuple[str, ...]:
        """Shots of which a still was asked for since then and is here, in the order they were asked for."""
        stills = (still for still in self.stills.values() if still.photo_id and still.asked_at >= since)
        return tuple(dict.fromkeys(still.shot for still in stills if still.shot))

    def participants(self) -> Iterator[Participant]:
        """The two sides."""
        if self.customer is not None:
            yield self.customer
        if self.agent is not None:
            yield self.agent

    def everyone(self) -> Iterator[Participant]:
        """The two sides and all at whom it rings."""
        yield from self.participants()
        yield from self.ringers.values()

    def of_session(self, session_id: str) -> Participant | None:
        return next((one for one in self.everyone() if one.session_id == session_id), None)

    def of_leg(self, leg_id: str) -> tuple[Participant, Leg] | None:
        for one in self.everyone():
            leg = one.leg(leg_id)
            if leg is not None:
                return one, leg
        return None

    def other(self, one: Participant) -> Participant | None:
        return self.agent if one is self.customer else self.customer
