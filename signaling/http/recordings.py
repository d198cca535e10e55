"""Endpoints of recordings: list, look into, play with ranges, export, delete; evidence of verifications."""

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from signaling.http.agents import may_see
from signaling.http.bodies_kept import JobAnswer, RecordingDetail, RecordingInfo, RecordingList, StillInfo, StillList
from signaling.http.context import Exchange, refuse
from signaling.http.library import CheckedFiles, Contents, JobKind, Library, LibraryError
from signaling.http.ranges import Range, UnsatisfiableError, wanted
from signaling.records import Recording

PIECE_BYTES = 256 * 1024


async def list_recordings(exchange: Exchange) -> RecordingList:
    call_id = await _own_call(exchange)
    found = await exchange.shared.library.recordings(call_id)
    return RecordingList([RecordingInfo.of(one) for one in found])


async def list_stills(exchange: Exchange) -> StillList:
    call_id = await _own_call(exchange)
    return StillList([StillInfo.of(one) for one in await exchange.shared.library.stills(call_id)])


async def detail(exchange: Exchange) -> RecordingDetail:
    """The recording and, unless it is deleted, what its files hold."""
    recording = await _own_recording(exchange)
    library = exchange.shared.library
    contents: Contents | None = None
    problem = code = ""
    if recording.state != "deleted":
        try:
            contents = await library.contents(recording.recording_id)
        except LibraryError as error:
            problem, code = error.message, error.code
    return RecordingDetail(
        RecordingInfo.of(recording), contents, problem, code, library.job("export", recording.recording_id)
    )


async def check(exchange: Exchange) -> CheckedFiles:
    recording = await _own_recording(exchange)
    return await exchange.shared.library.check(recording.recording_id)


async def play(exchange: Exchange) -> web.StreamResponse:
    """One side as a file, whole or in the range that is asked for."""
    recording, request = await _own_recording(exchange), exchange.request
    side = request.query.get("side", "")
    playback = await exchange.shared.library.play(recording.recording_id, side)
    tag = f'"{recording.recording_id}-{side}-{playback.size}"'
    headers = {
        hdrs.ACCEPT_RANGES: "bytes",
        hdrs.ETAG: tag,
        hdrs.CACHE_CONTROL: "private, no-cache",
        hdrs.CONTENT_TYPE: playback.content_type,
    }
    try:
        same = request.headers.get(hdrs.IF_RANGE, tag) == tag
        part = wanted(request.headers.get(hdrs.RANGE, ""), playback.size) if same else None
    except UnsatisfiableError:
        return web.Response(status=416, headers={hdrs.CONTENT_RANGE: f"bytes */{playback.size}"})
    response = web.StreamResponse(status=206 if part else 200, headers=headers)
    if part:
        last = part.start + part.length - 1
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {part.start}-{last}/{playback.size}"
    else:
        part = Range(0, playback.size)
    response.content_length = part.length
    await response.prepare(request)
    if request.method != "HEAD":
        await _send(response, part, playback.read)
    return response


async def _send(response: web.StreamResponse, part: Range, read: Callable[[int, int], Awaitable[bytes]]) -> None:
    at, left = part
    try:
        while left:
            piece = await read(at, min(PIECE_BYTES, left))
            if not piece:
                break
            await response.write(piece)
            at, left = at + len(piece), left - len(piece)
        await response.write_eof()
    except (ConnectionError, LibraryError):
        response.force_close()  # the player seeks elsewhere, or the file is damaged behind here: the headers are gone


async def delete(exchange: Exchange) -> None:
    """Key first; the row stays and says who deleted it."""
    recording = await _own_recording(exchange)
    if recording.state in ("starting", "on", "paused"):
        refuse(409, "wrong_state", "this recording is running; stop it first")
    caller = exchange.caller
    by = caller.agent.agent_id if caller.agent is not None else "site"
    await exchange.shared.library.delete(recording.recording_id, by)


async def evidence_key(exchange: Exchange) -> web.Response:
    """Whoever checks evidence of ours fetches this once, over https, and keeps it."""
    return web.Response(body=await exchange.shared.library.evidence_key(), content_type="application/x-pem-file")


def job_endpoints(kind: JobKind) -> tuple[Callable[[Exchange], Awaitable[object]], ...]:
    """Start, look, cancel and fetch for one kind of job; its subject is the recording or the call of the path."""

    async def subject(exchange: Exchange) -> tuple[Library, str]:
        if kind == "export":
            return exchange.shared.library, (await _own_recording(exchange)).recording_id
        return exchange.shared.library, await _own_call(exchange)

    async def start(exchange: Exchange) -> JobAnswer:
        library, name = await subject(exchange)
        return JobAnswer(await library.start(kind, name))

    async def look(exchange: Exchange) -> JobAnswer:
        library, name = await subject(exchange)
        return JobAnswer(library.job(kind, name))

    async def cancel(exchange: Exchange) -> None:
        library, name = await subject(exchange)
        await library.cancel(kind, name)

    async def fetch(exchange: Exchange) -> web.StreamResponse:
        library, name = await subject(exchange)
        path = library.file(kind, name)
        headers = {
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="{kind}-{name}{path.suffix}"',
            hdrs.CACHE_CONTROL: "private, no-store",
        }
        return web.FileResponse(path, headers=headers)

    return start, look, cancel, fetch


async def _own_call(exchange: Exchange) -> str:
    """The call of the path, if it is one of the caller's sites."""
    found = await exchange.shared.records.get_call(exchange.request.match_info["call_id"])
    if found is None or not may_see(exchange.caller, found[0]):
        refuse(404, "not_found", "no such call")
    return found[0].call_id


async def _own_recording(exchange: Exchange) -> Recording:
    found = await exchange.shared.library.recording(exchange.request.match_info["recording_id"])
    call = await exchange.shared.records.get_call(found.call_id) if found is not None else None
    if found is None or call is None or not may_see(exchange.caller, call[0]):
        refuse(404, "not_found", "no such recording")
    return found
