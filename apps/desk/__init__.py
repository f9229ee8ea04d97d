"""Pages that look across all rooms: who people are, what they own, what they did."""
