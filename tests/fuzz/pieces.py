"""Several datagrams, packets or frames as one input."""

from collections.abc import Iterator


def pieces(data: bytes) -> Iterator[bytes]:
    """Cuts one input into several: each behind its length in one byte."""
    at = 0
    while at < len(data):
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


def joined(*parts: bytes) -> bytes:
    return b"".join(bytes([min(255, len(part))]) + part[:255] for part in parts)
