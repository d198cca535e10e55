"""The agents who are signed in: what they chose, whether they are connected, what occupies them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from signaling.protocol import AgentStatus


@dataclass(slots=True)
class Agent:
    """One signed-in agent. An agent has one session; signing in elsewhere moves it there."""

    agent_id: str
    session_id: str
    name: str
    sites: tuple[str, ...] = ()
    """Empty: all."""
    languages: tuple[str, ...] = ()
    """Empty: any."""
    skills: tuple[str, ...] = ()
    chosen: AgentStatus = "away"
    attached: bool = True
    call_id: str = ""
    """The call the agent is in."""
    ringing: str = ""
    """The call that rings here; one at a time."""
    idle_since: float = 0.0
    """Monotonic seconds of the last call's end, or of becoming ready."""

    @property
    def status(self) -> Literal["ready", "away", "busy"]:
        """What the agent and the others see."""
        return "busy" if self.call_id else self.chosen

    @property
    def free(self) -> bool:
        """Whether a call may ring here now."""
        return self.chosen == "ready" and self.attached and not self.call_id and not self.ringing

    def serves(self, site_id: str) -> bool:
        return not self.sites or site_id in self.sites


class Roster:
    """Signed-in agents by id."""

    def __init__(self) -> None:
        self._agents: dict[str, Agent] = {}

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents.values())

    def __len__(self) -> int:
        return len(self._agents)

    def get(self, agent_id: str) -> Agent | None:
        return self._agents.get(agent_id)

    def add(self, agent: Agent) -> None:
        self._agents[agent.agent_id] = agent

    def remove(self, agent_id: str) -> None:
        self._agents.pop(agent_id, None)
