"""Composition root: pages, API, command line, worker."""
