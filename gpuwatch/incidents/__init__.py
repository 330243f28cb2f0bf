"""Decisions, pure: how conditions live, what belongs together, when to speak."""
