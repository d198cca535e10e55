"""The documents at /docs: OpenAPI 3.1 of REST and AsyncAPI 3.0 of the WebSocket, generated from routes and structs."""

import html
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

from signaling.http.bodies import ErrorAnswer
from signaling.http.context import Role, Route
from signaling.http.messages import ROLES, tag_of
from signaling.protocol import VERSION, ClientMessage, ServerMessage

_SCHEMES = {
    Role.AGENT: "cookie",
    Role.OPERATOR: "cookie",
    Role.SITE: "apiKey",
    Role.SESSION: "photoToken",
}
_SECURITY = {
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "callserver",
        "description": "Set by POST /api/v1/login (`__Host-callserver` over https). Requests other than GET also need "
        "the header X-Callserver: 1.",
    },
    "apiKey": {"type": "http", "scheme": "bearer", "description": "The API key of a site (`callserver site add`)."},
    "photoToken": {"type": "http", "scheme": "bearer", "description": "photo_token of the session's `welcome`."},
}

Document = dict[str, Any]


def openapi(routes: Iterable[Route], version: str) -> Document:
    """OpenAPI 3.1 (JSON Schema 2020-12 is msgspec's own dialect)."""
    routes = list(routes)
    kinds = {kind for route in routes for kind in (route.request, route.response) if kind is not None}
    schemas, components = _schemas(frozenset([*kinds, ErrorAnswer]))
    paths: Document = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "callserver", "version": version, "description": "REST interface. Times: seconds, UTC."},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


def asyncapi(version: str) -> Document:
    """AsyncAPI 3.0 of /ws/v1."""
    client, server = list(ClientMessage.__args__), list(ServerMessage.__args__)
    schemas, components = _schemas(frozenset([*client, *server]))
    messages = {tag_of(kind): _message(kind, schemas, ROLES.get(kind)) for kind in [*client, *server]}

    def operation(action: str, kinds: list[Any]) -> Document:
        channel = "#/channels/websocket"
        references = [{"$ref": f"{channel}/messages/{tag_of(kind)}"} for kind in kinds]
        return {"action": action, "channel": {"$ref": channel}, "messages": references}

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "callserver signaling",
            "version": f"{version} (protocol {VERSION})",
            "description": "JSON text frames. The first client message is `hello` or `resume`.",
        },
        "channels": {"websocket": {"address": "/ws/v1", "messages": messages}},
        "operations": {"fromClient": operation("receive", client), "fromServer": operation("send", server)},
        "components": {"schemas": components},
    }


def page(routes: Iterable[Route]) -> str:
    """A plain page of both documents, readable without any script."""
    endpoints = "".join(
        f"<tr><td>{route.method} <code>{html.escape(route.path)}</code>"
        f"<td>{html.escape(', '.join(sorted(route.roles)))}<td>{html.escape(route.summary)}"
        for route in routes
    )
    messages = "".join(
        f"<tr><td><code>{tag_of(kind)}</code><td>{html.escape(sender)}<td>{html.escape(_doc(kind))}"
        for kind, sender in _senders()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>callserver: interfaces</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/docs/style.css">'
        "<h1>Interfaces</h1>"
        '<p><a href="/docs/openapi.json">OpenAPI 3.1</a> · <a href="/docs/asyncapi.json">AsyncAPI 3.0</a></p>'
        f"<h2>REST</h2><table><tr><th>Endpoint<th>Who<th>What{endpoints}</table>"
        f"<h2>WebSocket /ws/v1</h2><table><tr><th>Message<th>Sent by<th>What{messages}</table></html>"
    )


STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:start;vertical-align:top;padding:.4rem .8rem .4rem 0;"
    "border-bottom:1px solid #8884}"
)


def _senders() -> Iterable[tuple[type, str]]:
    for kind in ClientMessage.__args__:
        yield kind, ", ".join(sorted(ROLES[kind]))
    for kind in ServerMessage.__args__:
        yield kind, "server"


@cache
def _schemas(types: frozenset[type]) -> tuple[dict[type, Document], Document]:
    """JSON Schema by type (as a reference), and the components they refer to."""
    kinds = sorted(types, key=lambda kind: kind.__name__)
    found, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return dict(zip(kinds, found, strict=True)), components


def _operation(route: Route, schemas: dict[type, Document]) -> Document:
    names = re.findall(r"{(\w+)", route.path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    parameters += [
        {"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}}
        for name, meaning in route.query
    ]
    answer: Document = {"description": route.summary}
    if route.response is not None:
        answer["content"] = {"application/json": {"schema": schemas[route.response]}}
    elif route.gives:
        answer["content"] = {route.gives: {}}
    problem = {"description": "Refused", "content": {"application/json": {"schema": schemas[ErrorAnswer]}}}
    operation: Document = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', route.path.lower()).strip('_')}",
        "parameters": parameters,
        "responses": {str(route.status): answer, "4XX": problem, "5XX": problem},
    }
    if route.request is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[route.request]}},
        }
    elif route.takes:
        media = {name.strip(): {"schema": {"type": "string", "format": "binary"}} for name in route.takes.split(",")}
        operation["requestBody"] = {"required": True, "content": media}
    schemes = sorted({_SCHEMES[role] for role in route.roles if role in _SCHEMES})
    if schemes and Role.ANYONE not in route.roles:
        operation["security"] = [{scheme: []} for scheme in schemes]
    return operation


def _message(kind: type, schemas: dict[type, Document], roles: frozenset[str] | None) -> Document:
    message: Document = {"name": tag_of(kind), "summary": _doc(kind), "payload": schemas[kind]}
    if roles is not None:
        message["x-roles"] = sorted(roles)
    return message


def _doc(kind: type) -> str:
    text = kind.__doc__ or ""
    return "" if text.startswith(f"{kind.__name__}(") else " ".join(text.split())
