"""Speaks to Ganeti's remote API (RAPI). No Django in here: it works from a plain Python prompt."""
