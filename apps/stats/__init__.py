"""Counts and curves: one's own VMs, and for staff all of them, now and over time."""
