"""How the announcements were made."""
