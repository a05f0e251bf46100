"""Synthetic tasks, each of which knows its own bounds."""
