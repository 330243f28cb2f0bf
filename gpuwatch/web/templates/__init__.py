"""Jinja2 templates; every value in them is escaped and cleaned (web/words.py)."""
