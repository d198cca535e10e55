"""H.264 key frame detection in RTP payloads (RFC 6184 §5.2-§5.8)."""

Buffer = bytes | bytearray | memoryview

_IDR = 5
_SPS = 7
_STAP_A = 24
_FU_A = 28


def starts_key_frame(data: Buffer, start: int, end: int) -> bool:
    """Whether the payload `data[start:end]` opens a key frame: a parameter set or the start of an IDR slice.

    Encoders send SPS and PPS right before each IDR picture, so forwarding begins at the SPS. Never raises.
    """
    if end <= start:
        return False
    kind = data[start] & 0x1F
    if kind in (_SPS, _IDR):
        return True
    if kind == _FU_A:
        return end - start >= 2 and data[start + 1] & 0x9F == 0x80 | _IDR
    if kind == _STAP_A:
        return _aggregate_holds_key(data, start + 1, end)
    return False


def _aggregate_holds_key(data: Buffer, at: int, end: int) -> bool:
    while at + 2 < end:
        size = data[at] << 8 | data[at + 1]
        if not size:
            return False
        if data[at + 2] & 0x1F in (_SPS, _IDR):
            return True
        at += 2 + size
    return False
