"""Plugins for pytest: what holds for the whole suite or is used in several rooms of it."""
