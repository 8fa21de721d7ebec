"""Versioned rule sets, calendars and clocks."""
