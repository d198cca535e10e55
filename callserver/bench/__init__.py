"""Measures the media workers of this machine: `callserver bench forward` and `callserver bench connect`."""


class BenchError(Exception):
    """The bench cannot run or its result would mean nothing; the text says why."""
