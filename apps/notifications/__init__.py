"""Mail from the help desk to owners: written once, sent to each person once, kept with what became of it."""
