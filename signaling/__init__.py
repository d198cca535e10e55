"""The call service: sessions, calls, queues and their HTTP face. Knows media only through media.api."""
