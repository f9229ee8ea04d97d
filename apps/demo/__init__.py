"""Simulated clusters: a faithful RAPI for the tests and for `make demo`, its seed data, and the demo itself."""
