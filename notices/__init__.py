"""Outbox, texts and channels: what people are told."""
