"""Seeded weeks for the benchmarks of the weekly assignment."""
