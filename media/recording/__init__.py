"""Recordings of calls: what was sent, as it was sent, encrypted chunk by chunk; playback, export, evidence."""
