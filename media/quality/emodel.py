"""The E-model: from loss, delay and codec to a rating R and a mean opinion score.

Narrow band after ITU-T G.107 (06/2015), §7, with its default values (table 3); wide band after ITU-T G.107.1 (06/2015),
which keeps the same structure on a scale that ends at 129. Echo, loudness and noise stay at their defaults: of those a
server knows nothing. Delays in seconds, losses as fractions.
"""

from math import exp, log10, sqrt

R_WIDEBAND = 129.0
"""G.107.1 §7: the rating of an undisturbed wide-band path."""
_SENDING, _RECEIVING = 8.0, 2.0  # SLR, RLR
_SIDETONE, _LISTENER_SIDETONE = 15.0, 18.0  # STMR, LSTR
_SHAPE_SEND, _ECHO_LOSS, _WEIGHTED_ECHO = 3.0, 65.0, 110.0  # Ds, TELR, WEPL
_QUANTIZING, _CIRCUIT_NOISE, _FLOOR_NOISE, _ROOM_NOISE = 1.0, -70.0, -64.0, 35.0  # qdu, Nc, Nfor, Ps = Pr


def narrowband_rating(delay: float = 0.0, impairment: float = 0.0) -> float:
    """R of a narrow-band connection (G.107 §7.1) with `impairment` = Ie,eff and the absolute one-way delay."""
    noise = _noise()
    basic = 15.0 - 1.5 * (_SENDING + noise)
    echo = _talker_echo(noise, 0.0) + _listener_echo(basic)
    return basic - _simultaneous(basic, noise) - echo - delay_impairment(delay) - impairment


def wideband_rating(delay: float = 0.0, impairment: float = 0.0) -> float:
    """R of a wide-band connection (G.107.1 §7.1), 129 at best."""
    return R_WIDEBAND - delay_impairment(delay) - impairment


def effective_impairment(codec: float, robustness: float, loss: float, burst_ratio: float = 1.0) -> float:
    """Ie,eff (G.107 §7.5, equation 7-29): `codec` = Ie, `robustness` = Bpl, `burst_ratio` = BurstR (1: independent)."""
    percent = 100.0 * min(max(loss, 0.0), 1.0)
    if percent <= 0.0:
        return codec
    return codec + (95.0 - codec) * percent / (percent / max(burst_ratio, 1.0) + robustness)


def burst_ratio(loss: float, burst_length: float) -> float:
    """BurstR (G.107 §7.5): mean length of a burst beside that of as much independent loss, 1 / (1 - p)."""
    return max(1.0, burst_length * (1.0 - min(max(loss, 0.0), 0.99)))


def delay_impairment(delay: float, sensitivity: float = 1.0, least_ms: float = 100.0) -> float:
    """Idd (G.107 §7.4.3, equations 7-27 and 7-28), the same on both scales; nothing below 100 ms."""
    milliseconds = delay * 1000.0
    if milliseconds <= least_ms:
        return 0.0
    x = log10(milliseconds / least_ms) / log10(2.0)
    power = 6.0 * sensitivity
    return 25.0 * (_soft(x, power) - 3.0 * _soft(x / 3.0, power) + 2.0)


def _soft(x: float, power: float) -> float:
    return float((1.0 + x**power) ** (1.0 / power))


def opinion(rating: float) -> float:
    """MOS of a narrow-band R (G.107 annex B): 1 below 0, 4.5 above 100."""
    if rating <= 0.0:
        return 1.0
    if rating >= 100.0:
        return 4.5
    return max(1.0, 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6)


def wideband_opinion(rating: float) -> float:
    """MOS of a wide-band R, brought to the narrow-band scale first (G.107.1 §7.7)."""
    return opinion(rating / 1.29)


def _noise() -> float:
    """No, the sum of all noise powers (G.107 §7.2), dBm0p."""
    overall = _SENDING + _RECEIVING
    sender = _ROOM_NOISE - _SENDING - _SHAPE_SEND - 100.0 + 0.004 * (_ROOM_NOISE - overall - _SHAPE_SEND - 14.0) ** 2
    room = _ROOM_NOISE + 10.0 * log10(1.0 + 10.0 ** ((10.0 - _LISTENER_SIDETONE) / 10.0))
    receiver = _RECEIVING - 121.0 + room + 0.008 * (room - 35.0) ** 2
    powers = (_CIRCUIT_NOISE, sender, receiver, _FLOOR_NOISE + _RECEIVING)
    return 10.0 * log10(sum(pow(10.0, power / 10.0) for power in powers))


def _simultaneous(basic: float, noise: float) -> float:
    """Is: too loud, sidetone, quantizing (G.107 §7.3)."""
    loudness = _SENDING + _RECEIVING + 0.2 * (64.0 + noise - _RECEIVING)
    too_loud = 20.0 * ((1.0 + (loudness / 8.0) ** 8) ** (1 / 8) - loudness / 8.0)
    masked = -10.0 * log10(10.0 ** (-_SIDETONE / 10.0) + 10.0 ** (-_ECHO_LOSS / 10.0))
    sidetone = (
        12.0 * (1.0 + ((masked - 13.0) / 6.0) ** 8) ** (1 / 8)
        - 28.0 * (1.0 + ((masked + 1.0) / 19.4) ** 35) ** (1 / 35)
        - 13.0 * (1.0 + ((masked - 3.0) / 33.0) ** 13) ** (1 / 13)
        + 29.0
    )
    q = 37.0 - 15.0 * log10(_QUANTIZING)
    g = 1.07 + 0.258 * q + 0.0602 * q * q
    y = (basic - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0
    quantizing = 15.0 * log10(1.0 + 10.0**y + 10.0 ** (46.0 / 30.0 - g / 40.0))
    return float(too_loud + sidetone + quantizing)


def _talker_echo(noise: float, delay_ms: float) -> float:
    """Idte (G.107 §7.4.1)."""
    echo = _ECHO_LOSS - 40.0 * log10((1.0 + delay_ms / 10.0) / (1.0 + delay_ms / 150.0)) + 6.0 * exp(-0.3 * delay_ms**2)
    difference = (-1.5 * (noise - _RECEIVING) - (80.0 + 2.5 * (echo - 14.0))) / 2.0
    return (difference + sqrt(difference * difference + 100.0) - 1.0) * (1.0 - exp(-delay_ms))


def _listener_echo(basic: float) -> float:
    """Idle (G.107 §7.4.2), without round-trip delay in the four-wire loop."""
    difference = (basic - 10.5 * (_WEIGHTED_ECHO + 7.0)) / 2.0
    return difference + sqrt(difference * difference + 169.0)
