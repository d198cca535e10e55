"""Customers and agents for tests of the call service."""

from signaling.admission import Admission
from signaling.policy import CallPolicy
from signaling.protocol import AgentSetStatus, CallAccept, CallStart, Person
from signaling.records import AgentAccount
from tests.fakes.client import Client
from tests.fakes.exchange import Exchange

SITE = "shop"


def customer(
    exchange: Exchange,
    name: str = "Ana",
    site_id: str = SITE,
    invited_call: str = "",
    policy: CallPolicy | None = None,
) -> Client:
    """A customer's page, connected."""
    client = Client(name)
    policy = policy or CallPolicy()
    exchange.hello(client, Admission("customer", site_id, Person(), invited_call=invited_call, policy=policy))
    return client


def agent(
    exchange: Exchange,
    name: str = "Bo",
    languages: tuple[str, ...] = (),
    sites: tuple[str, ...] = (),
    ready: bool = True,
) -> Client:
    """An agent's console, connected."""
    client = Client(name)
    sign_in(exchange, client, languages, sites)
    if ready:
        client.say(AgentSetStatus("ready"))
    exchange.work_all()
    return client


def sign_in(exchange: Exchange, client: Client, languages: tuple[str, ...] = (), sites: tuple[str, ...] = ()) -> None:
    """A new session of the agent with the client's name."""
    agent_id = client.name.lower()
    exchange.store.accounts[agent_id] = AgentAccount(agent_id, agent_id, client.name, "", sites, languages)
    exchange.hello(
        client, Admission("agent", person=Person(client.name), agent_id=agent_id, sites=sites, languages=languages)
    )


def start(client: Client, language: str = "en") -> None:
    """The customer calls; media connects while waiting."""
    client.say(CallStart("video", language, client.name))
    assert client.exchange is not None
    client.exchange.work_all()


def accept(client: Client) -> None:
    """The agent takes what rings."""
    client.say(CallAccept(next(iter(client.incoming))))
    assert client.exchange is not None
    client.exchange.work_all()


def talk(exchange: Exchange) -> tuple[Client, Client]:
    """A customer and an agent in an active call."""
    bo = agent(exchange)
    ana = customer(exchange)
    start(ana)
    accept(bo)
    assert ana.phase == bo.phase == "active"
    return ana, bo
