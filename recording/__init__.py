"""Writing, sealing, keeping and proving what was said."""
