"""SDP fragments: what a PATCH may say, and what of our answer is told again."""

import pytest

from rooms.errors import BadSdp
from signaling import fragment

PASSWORD = "n" * 24
OURS = "\r\n".join([
    "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE 1 2",
    "m=audio 0 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=inactive",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:1", "a=ice-ufrag:mine", f"a=ice-pwd:{PASSWORD}",
    "a=rtpmap:111 opus/48000/2",
    "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host", "a=end-of-candidates",
    "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:2", "a=ice-ufrag:mine", f"a=ice-pwd:{PASSWORD}", "",
])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"a=ice-ufrag:abcd\r\na=ice-pwd:{PASSWORD}\r\n", ("abcd", PASSWORD)),
        (f"a=ice-ufrag:abcd\na=ice-pwd:{PASSWORD}\nm=audio 9 X 0\na=ice-ufrag:abcd\n", ("abcd", PASSWORD)),
        (f"a=ice-ufrag:abcd\r\na=ice-ufrag:efgh\r\na=ice-pwd:{PASSWORD}\r\n", None),
        ("a=ice-ufrag:abcd\r\n", None),
        (f"a=ice-ufrag:abc\r\na=ice-pwd:{PASSWORD}\r\n", None),
        ("a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n", None),
        (f"a=ice-ufrag:ab{{d\r\na=ice-pwd:{PASSWORD}\r\n", None),
        (f"a=ice-ufrag:{'a' * 257}\r\na=ice-pwd:{PASSWORD}\r\n", None),
        ("", None),
    ],
)
def test_one_pair_of_credentials_or_none(text: str, found: tuple[str, str] | None) -> None:
    if found is None:
        with pytest.raises(BadSdp):
            fragment.credentials(text)
    else:
        assert fragment.credentials(text) == found


def test_our_answer_has_what_belongs_to_ice_of_the_first_line_that_was_taken() -> None:
    told = fragment.answer(OURS)
    assert told.split("\r\n") == [
        "a=ice-lite", "a=group:BUNDLE 1 2", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:1", "a=ice-ufrag:mine",
        f"a=ice-pwd:{PASSWORD}", "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host", "a=end-of-candidates", "",
    ]  # fmt: skip
    assert fragment.ufrags(OURS) == {"mine"}
    with pytest.raises(BadSdp):
        fragment.answer("v=0\r\nm=audio 0 X 0\r\n")
