"""The append-only, hash-chained record of every step; knows people only as opaque (kind, id)."""
