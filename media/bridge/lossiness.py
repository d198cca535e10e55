"""How much a way loses by chance, in steps, and what pictures are good for there.

A picture of few packets comes through whole, or whole after one request: where much is lost, and all of it is sent
again or protected, fewer bits show more. What a full link loses does not count, its estimate falls by itself.
"""

from media.bwe.loss import LossModel

CLEAN, SOME, MUCH = 0, 1, 2
LEAST_LOSS = (0.0, 0.03, 0.25)
"""From which random loss on the way is in each step …"""
BETTER = 0.6
"""… and below which share of that it is not any more."""
FLUENT_BPS = (float("inf"), 1_200_000.0, 700_000.0)
"""Four and three packets a picture of the camera (30 a second), beside as much parity and what is sent again."""


class Lossiness:
    """One way's step."""

    __slots__ = ("step",)

    def __init__(self) -> None:
        self.step = CLEAN

    def take(self, model: LossModel) -> bool:
        """Look at what is known of the losses; True if the step changed."""
        before, loss = self.step, model.random_loss if model.limit_bps is None else 0.0
        while self.step < MUCH and loss > LEAST_LOSS[self.step + 1]:
            self.step += 1
        while self.step > CLEAN and loss <= LEAST_LOSS[self.step] * BETTER:
            self.step -= 1
        return self.step != before

    @property
    def fluent_bps(self) -> float:
        """The most that pictures should take."""
        return FLUENT_BPS[self.step]
