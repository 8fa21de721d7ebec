"""Benchmarks: each module is a program that prints one JSON line per result; `python -m bench` runs them all."""
