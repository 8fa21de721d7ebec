"""Timetables, slots, places and bookings: who meets whom, where and when."""
