"""Agreement of a score with a measurement."""

from collections.abc import Sequence
from math import sqrt


def pearson(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's correlation, -1 to 1; 0 where one of them does not vary."""
    count = len(one)
    if count < 2:
        return 0.0
    mean_one, mean_other = sum(one) / count, sum(other) / count
    both = sum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    spread = sqrt(sum((a - mean_one) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other))
    return both / spread if spread > 0 else 0.0


def root_mean_square(one: Sequence[float], other: Sequence[float]) -> float:
    """Root mean square of the differences."""
    return sqrt(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / len(one)) if one else 0.0
