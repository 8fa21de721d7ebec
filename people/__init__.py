"""Accounts, sessions, terminals, inmates, relationships and their proofs."""
