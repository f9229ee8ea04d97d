"""Ganeti clusters as people here see them: their instances, who may do what, and what is being done."""
