"""Endpoints of photos in a call's chat: upload by either side, view by both and later by the shop's agents."""

import secrets

from aiohttp import web

from signaling.admission import RefusedError
from signaling.http.agents import may_see
from signaling.http.context import ApiError, Exchange, Web, refuse
from signaling.http.dispatch import as_json, read_bounded
from signaling.http.photo_studio import BusyError
from signaling.http.photos import MAX_PHOTO_BYTES, PhotoError
from signaling.http.throttle import Rate

TAKEN = "image/jpeg, image/png, image/webp"


class Photos:
    """The two endpoints; remembers who uploaded how often."""

    def __init__(self) -> None:
        self._uploads = Rate(burst=10, per=60.0)

    async def upload(self, exchange: Exchange) -> web.Response:
        """Keep the photo and put it into the chat."""
        shared, request, session_id = exchange.shared, exchange.request, exchange.caller.session_id
        call_id = request.match_info["call_id"]
        if not shared.service.in_call(session_id, call_id):
            refuse(403, "not_allowed", "not your call")
        if not self._uploads.allow(session_id, shared.clock()):
            shared.count("refused", "rate_limited")
            raise ApiError(429, "rate_limited", "too many photos; wait a little", retry_after=10.0)
        if request.content_type not in TAKEN.split(", "):
            refuse(415, "wrong_type", f"expected one of {TAKEN}")
        content = await read_bounded(request, MAX_PHOTO_BYTES)
        try:
            photo = await shared.studio.develop(content)
        except PhotoError as error:
            shared.count("refused", "photo")
            refuse(422, "bad_photo", str(error))
        except BusyError:
            raise ApiError(503, "at_capacity", "too many photos at once", retry_after=5.0) from None
        photo_id = secrets.token_urlsafe(16)
        await shared.records.save_photo(photo_id, call_id, photo.content, photo.width, photo.height)
        try:
            item = await shared.service.photo_added(call_id, session_id, photo_id, photo.width, photo.height)
        except RefusedError:
            await shared.records.delete_photo(photo_id)
            raise
        return as_json(item, 201)

    async def view(self, exchange: Exchange) -> web.Response:
        """The JPEG, for those in the call and for agents of its site."""
        shared, caller = exchange.shared, exchange.caller
        found = await shared.records.photo(exchange.request.match_info["photo_id"])
        if found is None:
            refuse(404, "not_found", "no such photo")
        call_id, content = found
        if caller.agent is not None:
            allowed = await self._of_own_site(shared, exchange, call_id)
        else:
            allowed = shared.service.in_call(caller.session_id, call_id)
        if not allowed:
            refuse(404, "not_found", "no such photo")
        headers = {"Cache-Control": "private, max-age=3600", "Content-Disposition": "inline"}
        return web.Response(body=content, content_type="image/jpeg", headers=headers)

    async def _of_own_site(self, shared: Web, exchange: Exchange, call_id: str) -> bool:
        call = await shared.records.get_call(call_id)
        return call is not None and may_see(exchange.caller, call[0])
