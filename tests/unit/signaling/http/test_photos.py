import io
import zlib
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from signaling.http.photos import MAX_PHOTO_BYTES, MAX_SIDE, PhotoError, reencode
from tests.fakes.website import API_KEY, STRANGER, Socket, Website


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **options)
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("PNG", "I;16"),
        ("WEBP", "RGBA"),
    ],
)
def test_every_kind_becomes_a_jpeg(kind: str, mode: str) -> None:
    photo = reencode(picture(kind, mode=mode))
    assert (opened(photo.content).format, photo.width, photo.height) == ("JPEG", 40, 30)


def test_large_pictures_shrink_and_keep_their_shape() -> None:
    photo = reencode(picture("PNG", (4000, 1000)))
    assert (photo.width, photo.height) == (MAX_SIDE, MAX_SIDE // 4)


def test_the_orientation_is_applied_and_everything_else_dropped() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "maker"
    exif.get_ifd(0x8825)[1] = "N"  # a place
    photo = reencode(picture(size=(40, 30), exif=exif, comment=b"secret", icc_profile=b"profile"))
    kept = opened(photo.content)
    assert (photo.width, photo.height) == kept.size == (30, 40)
    assert not kept.getexif()
    assert b"maker" not in photo.content
    assert not {"icc_profile", "comment", "exif"} & set(kept.info)


def test_transparency_becomes_white() -> None:
    assert opened(reencode(picture("PNG", mode="RGBA")).content).getpixel((5, 5)) == (255, 255, 255)


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises that many pixels."""
    small = bytearray(picture("PNG"))
    small[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    small[29:33] = zlib.crc32(bytes(small[12:29])).to_bytes(4, "big")
    return bytes(small)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + bytes(100),
        b"RIFF\x00\x00\x00\x00WAVE",
        b"\xff\xd8\xff",
        picture()[:200],
        picture("PNG")[:-30],
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        bytes(MAX_PHOTO_BYTES + 1),
        bomb(10_000, 4_001),
        bomb(12_000, 10_000),
        bomb(60_000, 60_000),
        bomb(0, 5),
    ],
    ids=range(13),
)
def test_what_is_no_photo_is_refused(content: bytes) -> None:
    with pytest.raises(PhotoError):
        reencode(content)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.integers(0, 10**6), st.binary(min_size=1, max_size=12))
def test_a_damaged_photo_is_decoded_or_refused(kind: str, place: int, damage: bytes) -> None:
    content = bytearray(picture(kind))
    place %= len(content)
    content[place : place + len(damage)] = damage
    try:
        photo = reencode(bytes(content))
    except PhotoError:
        return
    assert opened(photo.content).format == "JPEG"


@given(st.binary(max_size=300))
def test_anything_is_decoded_or_refused(content: bytes) -> None:
    with pytest.raises(PhotoError):
        reencode(content)


async def in_call(site: Website) -> tuple[Socket, Socket, str]:
    agent, customer = await site.agent(), await site.customer()
    await agent.send(type="agent.status", status="ready")
    await agent.until("agent.state")
    await customer.send(type="call.start")
    call_id = (await agent.until("call.incoming"))["call"]["call_id"]
    await agent.send(type="call.accept", call_id=call_id)
    while (await customer.until("call.updated"))["call"]["phase"] != "active":
        pass
    return customer, agent, call_id


def bearer(socket: Socket, kind: str = "image/jpeg") -> dict[str, str]:
    return STRANGER | {"Authorization": f"Bearer {socket.welcome['photo_token']}", "Content-Type": kind}


async def test_a_photo_reaches_both_sides_and_nobody_else(site: Website) -> None:
    customer, agent, call_id = await in_call(site)
    path = f"/api/v1/calls/{call_id}/photos"
    status, item = await site.ask("POST", path, headers=bearer(customer), data=picture())
    assert (status, item["width"], item["height"], item["sender"]) == (201, 40, 30, "customer")
    for socket in (customer, agent):
        assert (await socket.until("chat.added"))["item"] == item
        status, content = await site.ask("GET", item["photo"], headers=bearer(socket))
        assert (status, opened(content).format) == (200, "JPEG")
    assert (await site.ask("GET", item["photo"], headers=await site.log_in("anna")))[0] == 200
    stranger = await site.customer()
    assert (await site.ask("GET", item["photo"], headers=bearer(stranger)))[0] == 404
    assert (await site.ask("POST", path, headers=bearer(stranger), data=picture()))[0] == 403
    assert (await site.ask("GET", item["photo"], headers=await site.log_in("ben")))[0] == 404
    assert (await site.ask("GET", item["photo"], headers={"Authorization": f"Bearer {API_KEY}"}))[0] == 403
    assert (await site.ask("GET", "/api/v1/photos/unknown", headers=bearer(customer)))[0] == 404


async def test_uploads_are_checked_and_rationed(site: Website) -> None:
    customer, _, call_id = await in_call(site)
    path = f"/api/v1/calls/{call_id}/photos"
    assert (await site.ask("POST", path, headers=bearer(customer, "image/gif"), data=picture()))[0] == 415
    assert (await site.ask("POST", path, headers=bearer(customer), data=b"<svg/>"))[0] == 422
    assert (await site.ask("POST", path, headers=bearer(customer), data=bytes(MAX_PHOTO_BYTES + 1)))[0] == 413
    tried = [(await site.ask("POST", path, headers=bearer(customer), data=picture()))[0] for _ in range(9)]
    assert tried == [201] * 7 + [429] * 2
