"""The endpoint to which a customer's page sends a still at its camera's full resolution, when it was asked for one."""

import secrets

from aiohttp import web

from signaling.admission import RefusedError
from signaling.http.context import ApiError, Exchange, refuse
from signaling.http.dispatch import read_bounded
from signaling.http.photo_studio import BusyError
from signaling.http.photos import MAX_STILL_BYTES, PhotoError

TAKEN = "image/jpeg, image/png, image/webp"


async def upload(exchange: Exchange) -> web.Response:
    """Keep the picture, encoded anew at its full size. One that was not asked for is refused before it is read."""
    shared, request, session_id = exchange.shared, exchange.request, exchange.caller.session_id
    call_id, still_id = request.match_info["call_id"], request.match_info["still_id"]
    if not shared.service.in_call(session_id, call_id):
        refuse(403, "not_allowed", "not your call")
    shared.service.still_wanted(call_id, session_id, still_id)
    if request.content_type not in TAKEN.split(", "):
        refuse(415, "wrong_type", f"expected one of {TAKEN}")
    content = await read_bounded(request, MAX_STILL_BYTES)
    try:
        photo = await shared.studio.develop(content, still=True)
    except PhotoError as error:
        shared.count("refused", "photo")
        refuse(422, "bad_photo", str(error))
    except BusyError:
        raise ApiError(503, "at_capacity", "too many photos at once", retry_after=5.0) from None
    photo_id = secrets.token_urlsafe(16)
    await shared.records.save_photo(photo_id, call_id, photo.content, photo.width, photo.height)
    try:
        await shared.service.still_added(call_id, session_id, still_id, photo_id, (photo.width, photo.height))
    except RefusedError:
        await shared.records.delete_photo(photo_id)
        raise
    return web.Response(status=204)
