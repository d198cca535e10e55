"""How good a call is, and why it is not better: measured seconds, scores, verdicts. No I/O, no clock. See README.md."""
