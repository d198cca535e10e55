import re
from typing import Any

from signaling.http.messages import tag_of
from signaling.protocol import ClientMessage, ServerMessage
from tests.fakes.website import Website


def references(document: Any) -> set[str]:
    if isinstance(document, dict):
        own = {document["$ref"]} if isinstance(document.get("$ref"), str) else set()
        return own.union(*map(references, document.values()))
    return set().union(*map(references, document)) if isinstance(document, list) else set()


def resolves(document: Any, reference: str) -> bool:
    place = document
    for part in reference.removeprefix("#/").split("/"):
        place = place.get(part) if isinstance(place, dict) else None
    return place is not None


async def test_openapi_describes_every_endpoint(site: Website) -> None:
    status, document = await site.ask("GET", "/docs/openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(route.method, route.path) for route in site.server.routes if "/docs" not in route.path}
    assert all(resolves(document, reference) for reference in references(document))
    create = document["paths"]["/api/v1/calls"]["post"]
    assert create["security"] == [{"apiKey": []}]
    assert "201" in create["responses"]
    parameters = document["paths"]["/api/v1/calls/{call_id}"]["get"]["parameters"]
    assert [parameter["name"] for parameter in parameters] == ["call_id"]


async def test_asyncapi_describes_every_message(site: Website) -> None:
    status, document = await site.ask("GET", "/docs/asyncapi.json")
    assert (status, document["asyncapi"]) == (200, "3.0.0")
    messages = document["channels"]["websocket"]["messages"]
    assert set(messages) == {tag_of(kind) for kind in (*ClientMessage.__args__, *ServerMessage.__args__)}
    assert messages["call.accept"]["x-roles"] == ["agent"]
    assert all(resolves(document, reference) for reference in references(document))


async def test_the_page_names_them_all(site: Website) -> None:
    status, page = await site.ask("GET", "/docs")
    assert status == 200
    text = page.decode()
    for route in site.server.routes[:5]:
        assert route.path in text
    assert "call.start" in text
    assert not re.search(r"<script|style=|onload", text)
