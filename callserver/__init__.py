"""The application: composition root, processes and operations. Names every concrete class; nobody imports it."""

__version__ = "0.1.0"
