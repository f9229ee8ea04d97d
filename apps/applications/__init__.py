"""Requests for a VM: asking, deciding, placing, creating, and everything that is said on the way."""
