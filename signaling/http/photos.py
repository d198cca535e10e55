"""Uploaded photos: looked at, measured, decoded and encoded again, so that nothing but pixels is kept."""

import io
from typing import NamedTuple

import msgspec
from PIL import Image, ImageOps

MAX_PHOTO_BYTES = 4 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_STILL_BYTES = 12 * 1024 * 1024
"""A still at a phone camera's full resolution."""
MAX_SIDE = 1600
"""Pixels of the longer side of what is kept of a photo in a chat."""
MAX_STILL_SIDE = 8192

_MAGIC = {"JPEG": (b"\xff\xd8\xff",), "PNG": (b"\x89PNG\r\n\x1a\n",), "WEBP": (b"RIFF",)}


class PhotoError(Exception):
    """Not a photo we take; the text says why, for a person."""


class Size(NamedTuple):
    """What is taken and what is kept."""

    bytes: int
    side: int
    quality: int


CHAT_SIZE = Size(MAX_PHOTO_BYTES, MAX_SIDE, 85)
FULL_SIZE = Size(MAX_STILL_BYTES, MAX_STILL_SIDE, 92)


class Photo(msgspec.Struct, frozen=True):
    """A JPEG without metadata."""

    content: bytes
    width: int
    height: int


def reencode(content: bytes, size: Size = CHAT_SIZE) -> Photo:
    """Turn an uploaded JPEG, PNG or WebP upright, shrink it and encode it as JPEG. Raise PhotoError. Blocks: up to a
    second of CPU and about 200 MB for the largest picture, so run it in an executor of one thread."""
    if len(content) > size.bytes:
        raise PhotoError(f"the file is larger than {size.bytes // 2**20} MB")
    kind = _kind(content)
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            return _shrunk(image, size)
    except PhotoError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError("the picture has too many pixels") from error
    except Exception as error:
        raise PhotoError("the picture cannot be decoded") from error


def _kind(content: bytes) -> str:
    """The format by its first bytes, whatever the file says it is."""
    for kind, beginnings in _MAGIC.items():
        if content.startswith(beginnings) and (kind != "WEBP" or content[8:12] == b"WEBP"):
            return kind
    raise PhotoError("only JPEG, PNG and WebP pictures are taken")


def _shrunk(image: Image.Image, size: Size) -> Photo:
    width, height = image.size  # from the header: nothing is decoded yet
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise PhotoError(f"the picture has more than {MAX_PIXELS // 1_000_000} million pixels")
    image.draft("RGB", (size.side, size.side))  # JPEG only: decode at a fraction of the size
    upright = ImageOps.exif_transpose(image)
    if "A" in upright.getbands() or "transparency" in upright.info:
        with_alpha = upright.convert("RGBA")
        upright = Image.new("RGB", with_alpha.size, "white")
        upright.paste(with_alpha, mask=with_alpha.getchannel("A"))
    picture = upright.convert("RGB")
    picture.thumbnail((size.side, size.side))
    out = io.BytesIO()
    # A new picture has no EXIF, no profile, no comment to write.
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    clean.save(out, "JPEG", quality=size.quality)
    return Photo(out.getvalue(), *clean.size)
