"""Who gets the call. Pure decisions over values; the switchboard carries them out."""

from collections.abc import Collection, Iterable

import msgspec

from signaling.roster import Agent


class Need(msgspec.Struct, frozen=True):
    """What a call asks of the agents."""

    site_id: str
    language: str
    declined: Collection[str] = ()
    """Agents who said no to this call."""
    missed: Collection[str] = ()
    """Agents who let it ring."""
    paused: Collection[str] = ()
    """Agents who may not be rung for this call right now."""


def speaks(agent: Agent, language: str) -> bool:
    """Whether the agent speaks the language; compared by primary subtag (RFC 5646 §2.2.1), so `pt-BR` finds `pt`."""
    wanted = _primary(language)
    return not agent.languages or any(_primary(spoken) == wanted for spoken in agent.languages)


def choose(need: Need, agents: Iterable[Agent], count: int, ringing: Iterable[Agent] = ()) -> list[Agent]:
    """Up to `count` more agents to ring, best first.

    Free agents of the site fall into ranks: first those who have neither declined nor missed the call, then those who
    missed it, then those who declined, and these only if nobody else is free, not even somebody who is paused; within
    each, speakers of the language before the others. Only the best rank present is rung, longest idle first, and
    nobody worse than those at whom it rings already. Preferences delay a ring by a pause at most.
    """
    free = [agent for agent in agents if agent.free and agent.serves(need.site_id)]
    others = any(agent.agent_id not in need.declined for agent in free)
    free = [
        agent
        for agent in free
        if agent.agent_id not in need.paused and not (others and agent.agent_id in need.declined)
    ]
    if not free or count <= 0:
        return []
    best = min(_rank(agent, need) for agent in free)
    if any(_rank(agent, need) < best for agent in ringing):
        return []
    chosen = sorted(
        (agent for agent in free if _rank(agent, need) == best), key=lambda agent: (agent.idle_since, agent.agent_id)
    )
    return chosen[:count]


def _rank(agent: Agent, need: Need) -> tuple[int, int]:
    """Lower is better."""
    refused = 2 if agent.agent_id in need.declined else 1 if agent.agent_id in need.missed else 0
    return refused, 0 if speaks(agent, need.language) else 1


def _primary(language: str) -> str:
    return language.split("-", 1)[0].lower()
