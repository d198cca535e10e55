"""Who waits where, and who is rung: laws over any queue and any roster."""

from hypothesis import given, strategies as st

from signaling.queue import count_by_site, order, positions
from signaling.records import CallState
from signaling.roster import Agent, Roster
from signaling.routing import Need, choose, speaks

SITES = ("shop", "other")


def waiting_call(
    call_id: str, queued_at: float, phase: str = "waiting", site: str = "shop", priority: int = 0
) -> CallState:
    call = CallState(call_id, site, phase, "video", "en", 0.0, queued_at=queued_at)  # type: ignore[arg-type]
    call.priority = priority
    return call


calls = st.lists(
    st.builds(
        waiting_call,
        call_id=st.uuids().map(str),
        queued_at=st.floats(0, 100),
        phase=st.sampled_from(["created", "waiting", "ringing", "active", "on_hold", "ended"]),
        site=st.sampled_from(SITES),
        priority=st.integers(0, 2),
    ),
    max_size=20,
    unique_by=lambda call: call.call_id,
)

agents = st.lists(
    st.builds(
        Agent,
        agent_id=st.sampled_from("abcdefgh"),
        session_id=st.just("s"),
        name=st.just("n"),
        sites=st.sampled_from([(), ("shop",), ("other",), SITES]),
        languages=st.sampled_from([(), ("en",), ("de", "pt"), ("pt-BR",)]),
        chosen=st.sampled_from(["ready", "ready", "away"]),
        attached=st.booleans(),
        call_id=st.sampled_from(["", "", "busy"]),
        ringing=st.sampled_from(["", "", "elsewhere"]),
        idle_since=st.floats(0, 10),
    ),
    max_size=8,
    unique_by=lambda agent: agent.agent_id,
)
some_agents = st.frozensets(st.sampled_from("abcdefgh"))
needs = st.builds(
    Need,
    site_id=st.sampled_from(SITES),
    language=st.sampled_from(["en", "pt-BR", "de-AT", "ar"]),
    declined=some_agents,
    missed=some_agents,
    paused=some_agents,
)


@given(calls)
def test_positions_count_each_sites_waiting_calls_from_one(all_calls: list[CallState]) -> None:
    places = positions(order(all_calls))
    for site in SITES:
        mine = sorted(places[call.call_id] for call in all_calls if call.site_id == site and call.phase == "waiting")
        assert mine == list(range(1, len(mine) + 1))


@given(calls)
def test_only_unanswered_calls_are_in_the_queue(all_calls: list[CallState]) -> None:
    ordered = order(all_calls)
    assert {call.phase for call in ordered} <= {"waiting", "ringing"}
    assert sum(count_by_site(ordered).values()) == len(ordered)


def test_who_waits_longer_is_ahead() -> None:
    first, second = waiting_call("b", 1.0), waiting_call("a", 2.0)
    assert order([second, first]) == [first, second]


def test_a_customer_whose_agent_was_lost_is_ahead_of_all() -> None:
    late = waiting_call("late", 99.0, priority=1)
    assert order([waiting_call("early", 1.0), late])[0] is late


@given(needs, agents, st.integers(-1, 4))
def test_only_free_agents_of_the_site_are_rung_and_never_more_than_asked(
    need: Need, roster: list[Agent], count: int
) -> None:
    chosen = choose(need, roster, count)
    assert len(chosen) <= max(0, count)
    assert len({agent.agent_id for agent in chosen}) == len(chosen)
    for agent in chosen:
        assert agent.free
        assert agent.serves(need.site_id)
        assert agent.agent_id not in need.paused


@given(needs, agents, st.integers(1, 4))
def test_preferences_never_cost_a_customer_more_than_a_pause(need: Need, roster: list[Agent], count: int) -> None:
    free = [agent for agent in roster if agent.free and agent.serves(need.site_id)]
    assert bool(choose(Need(need.site_id, need.language, need.declined, need.missed), roster, count)) == bool(free)
    if not choose(need, roster, count):
        willing = [agent for agent in free if agent.agent_id not in need.declined] or free
        assert all(agent.agent_id in need.paused for agent in willing)


@given(needs, agents, st.integers(1, 4))
def test_a_decliner_is_not_rung_while_others_exist(need: Need, roster: list[Agent], count: int) -> None:
    chosen = choose(need, roster, count)
    others = [a for a in roster if a.free and a.serves(need.site_id) and a.agent_id not in need.declined]
    assert not (others and any(agent.agent_id in need.declined for agent in chosen))


@given(needs, agents, st.integers(1, 4))
def test_speakers_come_first_and_then_the_longest_idle(need: Need, roster: list[Agent], count: int) -> None:
    need = Need(need.site_id, need.language)
    chosen = choose(need, roster, count)
    possible = [agent for agent in roster if agent.free and agent.serves(need.site_id)]
    speakers = [agent for agent in possible if speaks(agent, need.language)]
    best = sorted(speakers or possible, key=lambda agent: (agent.idle_since, agent.agent_id))
    assert chosen == best[:count]


@given(needs, agents, agents)
def test_nobody_worse_joins_those_at_whom_it_rings(need: Need, roster: list[Agent], ringing: list[Agent]) -> None:
    need = Need(need.site_id, need.language)
    if any(speaks(agent, need.language) for agent in ringing):
        assert all(speaks(agent, need.language) for agent in choose(need, roster, 3, ringing))


def test_a_language_is_found_by_its_first_part() -> None:
    agent = Agent("a", "s", "n", languages=("pt",))
    assert speaks(agent, "pt-BR")
    assert not speaks(agent, "es")
    assert speaks(Agent("a", "s", "n"), "ar")


def test_busy_is_never_chosen_but_follows_from_a_call() -> None:
    agent = Agent("a", "s", "n", chosen="ready")
    assert agent.status == "ready"
    agent.call_id = "call"
    assert (agent.status, agent.free) == ("busy", False)


def test_the_roster_forgets_who_left() -> None:
    roster = Roster()
    roster.add(Agent("a", "s", "n"))
    roster.remove("a")
    roster.remove("a")
    assert (len(roster), roster.get("a")) == (0, None)
