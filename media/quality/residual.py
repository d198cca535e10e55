"""What is still missing after repair, from what is known of the loss and the protection: estimates for the downlink,
where only the page knows the truth.

Loss is taken as a two-state chain (Gilbert): a packet `distance` places after a lost one is lost with probability
p + (1 - p) * memory^distance, where memory = 1 - 1 / (burst_length * (1 - p)) and is 0 for independent loss.
"""

from collections.abc import Sequence

REPAIR_SECONDS = 0.5
"""A picture that is not whole by then is a freeze."""
MAX_TRIES = 6


def lost_again(loss: float, burst_length: float, distance: int) -> float:
    """Probability that the packet `distance` places after a lost one is lost, too."""
    if loss <= 0.0:
        return 0.0
    if loss >= 1.0:
        return 1.0
    memory = max(0.0, 1.0 - 1.0 / (max(burst_length, 1.0) * (1.0 - loss)))
    return float(min(1.0, loss + (1.0 - loss) * memory**distance))


def voice_residual(loss: float, burst_length: float, distances: Sequence[int]) -> float:
    """Share of voice frames that neither their packet nor a copy `distances` packets later brings."""
    residual, before = loss, 0
    for distance in sorted(distances):
        residual *= lost_again(loss, burst_length, distance - before)
        before = distance
    return residual


def picture_residual(loss: float, rtt: float, repeats: int, parity: float) -> float:
    """Share of picture packets missing when their picture is due, after parity and as many requests as the round trip
    (seconds) allows. Parity of `ratio` packets a packet brings back up to its share; a request may be lost as well."""
    if loss <= 0.0:
        return 0.0
    tries = min(MAX_TRIES, int(REPAIR_SECONDS / max(rtt, 0.03)))
    after_parity = loss * max(0.0, 1.0 - parity / max(loss, 0.01) / 2.0)
    failed = 1.0 - (1.0 - loss / 2.0) * (1.0 - loss ** max(repeats, 1))
    return float(min(loss, after_parity * failed**tries))
