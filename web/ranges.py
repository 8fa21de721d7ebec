"""Stretches of a file over HTTP (RFC 9110 section 14), read as they are sent: a locked one is opened on the way.

One range is answered; several at once, or one that cannot be read, get the whole file, as the RFC allows.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping

from starlette.responses import Response, StreamingResponse

from recording.clear import Clear

STEP = 256 << 10  # bytes that are read and opened at once; a player's jump waits for the first of them
_ONE = re.compile(r"bytes=(\d*)-(\d*)")


def answer(clear: Clear, asked: str | None, media_type: str, headers: Mapping[str, str]) -> Response:
    """The file or the range that `asked` (the header's value) names; closes `clear` when it is sent."""
    size = len(clear)
    stretch = _stretch(asked, size)
    common = {**headers, "accept-ranges": "bytes"}
    if stretch is None:
        clear.close()
        return Response(status_code=416, headers={**common, "content-range": f"bytes */{size}"})
    start, stop = stretch
    partial = (start, stop) != (0, size) or (asked or "").startswith("bytes=0-")
    if partial:
        common["content-range"] = f"bytes {start}-{stop - 1}/{size}"
    common["content-length"] = str(stop - start)
    content = body(clear, start, stop)
    return StreamingResponse(content, 206 if partial else 200, media_type=media_type, headers=common)


def _stretch(asked: str | None, size: int) -> tuple[int, int] | None:
    """From where up to where; `None` for a range that no byte satisfies."""
    match = _ONE.fullmatch(asked.strip()) if asked else None
    if match is None or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) and size else None
    start, stop = int(first), min(size, int(last) + 1) if last else size
    if last and int(last) < int(first):
        return 0, size  # no range at all (section 14.1.1)
    return (start, stop) if start < size else None


async def body(clear: Clear, start: int, stop: int) -> AsyncIterator[bytes]:
    """From `start` up to `stop`, piece by piece; closes `clear` at the end."""
    try:
        for at in range(start, stop, STEP):
            yield await asyncio.to_thread(clear.read, at, min(at + STEP, stop))
    finally:
        clear.close()
