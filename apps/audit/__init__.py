"""Who did what, and how it ended."""
