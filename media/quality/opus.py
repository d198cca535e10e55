"""Opus in the E-model: equipment impairment Ie,wb and packet-loss robustness Bpl by bit rate.

ITU-T G.113 has no values for Opus. Published ones (M. Al-Ahmadi, P. Počta, H. Melvin, "Instrumental Estimation of
E-model Equipment Impairment Factor Parameters for Super-Wideband Opus Codec", ISSC 2019: 16.8 and 10.4 at 31 kbit/s
VBR, independent loss) are for a scale that reaches higher. Ours are derived in the same way, after ITU-T P.834.1 from
an instrumental model (PESQ, P.862.2) of speech that went through our own server, where `loss` is what the listener's
buffer had to make up.
"""

from bisect import bisect_left

_IMPAIRMENT = (
    (8_000.0, 46.0),
    (12_000.0, 34.0),
    (16_000.0, 28.0),
    (20_000.0, 24.0),
    (24_000.0, 22.0),
    (32_000.0, 20.0),
)
"""(bit/s of speech payload, Ie,wb); straight lines between, level outside."""
_RATES = [rate for rate, _ in _IMPAIRMENT]
ROBUSTNESS = 4.3
"""Bpl: a concealed frame (no copy, no in-band FEC) costs as much as with G.107's default codec."""


def impairment(bps: float) -> float:
    """Ie,wb at this bit rate of voice."""
    place = bisect_left(_RATES, bps)
    if place == 0:
        return _IMPAIRMENT[0][1]
    if place == len(_IMPAIRMENT):
        return _IMPAIRMENT[-1][1]
    (low, least), (high, most) = _IMPAIRMENT[place - 1], _IMPAIRMENT[place]
    return least + (most - least) * (bps - low) / (high - low)
