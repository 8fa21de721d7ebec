"""Which coding the pictures of a call have: one for all its legs, so that no packet is ever changed. Pure.

VP8 is what every browser has. H.264 spares the battery of devices that have it in hardware, and is all that
some encoders know. Policy says which one a prison prefers; who cannot do it is heard before anything is offered.
"""

from collections.abc import Iterable
from enum import StrEnum


class VideoCodec(StrEnum):
    VP8 = "vp8"
    H264 = "h264"  # constrained baseline, packetization mode 1


ALL = frozenset(VideoCodec)


def known(names: Iterable[str]) -> frozenset[VideoCodec]:
    """Those of `names` that we know; all, where nothing is said (an older client does VP8 and says nothing)."""
    said = frozenset(VideoCodec(name) for name in names if name in ALL)
    return said or frozenset({VideoCodec.VP8})


def choose(
    preferred: VideoCodec, present: VideoCodec, able: Iterable[frozenset[VideoCodec]], *, begun: bool
) -> VideoCodec:
    """The coding for everybody who is connected; `able`: what each of them can do.

    What is used `present`ly stays once media flows (`begun`) and all can do it; otherwise the preferred one
    comes first, then VP8. Where nothing suits all it is VP8, and who cannot do it hears and is not seen.
    """
    common = ALL.intersection(*able)
    order = (present, preferred) if begun else (preferred, present)
    return next((codec for codec in (*order, *VideoCodec) if codec in common), VideoCodec.VP8)
