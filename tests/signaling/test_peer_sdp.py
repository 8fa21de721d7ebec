"""Answers, good and hostile: what cannot be used is `BadSdp` and nothing else."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rooms.client import MediaKind
from rooms.errors import BadSdp
from rooms.lines import media_lines
from rooms.rtp import OPUS, RTX, VP8
from signaling.peer import PeerFactory
from signaling.sdp import parse_answer
from tests.signaling.raw_client import Events, RawClient, join

BOTH = frozenset(MediaKind)
LINES = media_lines(BOTH, 1)
DIGEST = ":".join(["AB"] * 32)
TRANSPORT = f"a=ice-ufrag:abcd\na=ice-pwd:{'p' * 24}\na=fingerprint:sha-256 {DIGEST}\na=setup:active\n"


def section(kind: str, formats: str, mid: str, way: str, port: int = 9) -> str:
    return (
        f"m={kind} {port} UDP/TLS/RTP/SAVPF {formats}\nc=IN IP4 0.0.0.0\na=mid:{mid}\na={way}\na=rtcp-mux\n"
        + TRANSPORT
    )


SECTIONS = [
    section("audio", "111", "0", "sendonly"),
    section("video", "96 97", "1", "sendonly"),
    section("audio", "111", "2", "recvonly"),
    section("audio", "111", "3", "recvonly"),
    section("video", "96", "4", "recvonly"),
]
HEAD = "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE 0 1 2 3 4\n"
GOOD = HEAD + "".join(SECTIONS)


def test_a_good_answer_is_read() -> None:
    answer = parse_answer(GOOD, LINES)
    assert (answer.ufrag, answer.password, answer.active) == ("abcd", "p" * 24, True)
    assert answer.fingerprints == (("sha-256", DIGEST),)
    assert [media.accepted for media in answer.media] == [True] * 5
    assert [media.sends for media in answer.media] == [True, True, False, False, False]
    assert [media.receives for media in answer.media] == [False, False, True, True, True]
    assert [media.takes for media in answer.media] == [{OPUS}, {VP8, RTX}, {OPUS}, {OPUS}, {VP8}]


def test_transport_may_stand_at_the_session_or_in_the_first_taken_line_only() -> None:
    without = [text.replace(TRANSPORT, "") for text in SECTIONS]
    assert parse_answer(HEAD + TRANSPORT + "".join(without), LINES).ufrag == "abcd"
    assert parse_answer(HEAD + SECTIONS[0] + "".join(without[1:]), LINES).ufrag == "abcd"


def test_lines_may_be_refused() -> None:
    refused = [section("audio", "0", "0", "inactive", port=0), section("video", "120", "1", "sendonly")]
    head = HEAD.replace("BUNDLE 0 1", "BUNDLE 1")
    answer = parse_answer(head + "".join(refused + SECTIONS[2:]), LINES)
    assert [media.accepted for media in answer.media] == [False, False, True, True, True]


BAD: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "no sdp": lambda _: "hello",
    "json": lambda _: '{"type": "answer"}',
    "too large": lambda s: s + "a=x\n" * 20_000,
    "no m-line": lambda _: HEAD,
    "one m-line missing": lambda s: s[: s.rindex("m=")],
    "one m-line more": lambda s: s + SECTIONS[0],
    "thousands of m-lines": lambda s: s + "m=audio 9 X 1\n" * 4000,
    "other order": lambda _: HEAD + "".join(reversed(SECTIONS)),
    "other kind": lambda s: s.replace("m=video", "m=audio", 1),
    "application": lambda s: s.replace("m=audio 9", "m=application 9", 1),
    "m-line without formats": lambda s: s.replace("SAVPF 111", "SAVPF", 1),
    "m-line with words as formats": lambda s: s.replace("SAVPF 111", "SAVPF x", 1),
    "other mid": lambda s: s.replace("a=mid:1", "a=mid:7"),
    "no mid": lambda s: s.replace("a=mid:1\n", ""),
    "no bundle": lambda s: s.replace("a=group:BUNDLE 0 1 2 3 4\n", ""),
    "one not bundled": lambda s: s.replace("BUNDLE 0 1 2 3 4", "BUNDLE 0 1 2 3"),
    "no rtcp-mux": lambda s: s.replace("a=rtcp-mux\n", "", 1),
    "no ufrag": lambda s: s.replace("a=ice-ufrag:abcd\n", ""),
    "short ufrag": lambda s: s.replace("abcd", "abc"),
    "long ufrag": lambda s: s.replace("abcd", "a" * 257),
    "strange ufrag": lambda s: s.replace("abcd", "ab:d"),
    "short password": lambda s: s.replace("p" * 24, "p" * 21),
    "no fingerprint": lambda s: s.replace(f"a=fingerprint:sha-256 {DIGEST}\n", ""),
    "only a weak fingerprint": lambda s: s.replace("sha-256", "md5"),
    "short fingerprint": lambda s: s.replace("AB:AB", "AB"),
    "strange fingerprint": lambda s: s.replace("AB:AB", "XY:ZZ"),
    "no setup": lambda s: s.replace("a=setup:active\n", ""),
    "undecided setup": lambda s: s.replace("setup:active", "setup:actpass"),
    "held connection": lambda s: s.replace("setup:active", "setup:holdconn"),
    "all refused": lambda s: s.replace(" 9 UDP", " 0 UDP"),
    "nothing we can play": lambda s: s.replace("111", "0").replace("96", "120"),
    "a line that is none": lambda s: s.replace("t=0 0", "this is no line"),
    "nul": lambda s: s.replace("abcd", "ab\0d"),
    "not ascii": lambda s: s.replace("abcd", "亲桥亲桥"),
    "digits of another script": lambda s: s.replace("audio 9", "audio ９", 1),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_refused(name: str) -> None:
    spoilt = BAD[name](GOOD)
    assert spoilt != GOOD
    with pytest.raises(BadSdp) as refusal:
        parse_answer(spoilt, LINES)
    assert refusal.value.code == "bad-sdp"
    assert "try again" in str(refusal.value.reason)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_refused(text: str) -> None:
    for answer in (text, "v=0\n" + text):
        with pytest.raises(BadSdp):
            parse_answer(answer, LINES)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_spoilt_answer_is_read_or_refused(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        spoil = data.draw(st.sampled_from(["drop", "double", "cut", "swap", "text"]))
        if spoil == "drop" and len(lines) > 1:
            del lines[at]
        elif spoil == "double":
            lines.insert(at, lines[at])
        elif spoil == "cut":
            lines[at] = lines[at][: data.draw(st.integers(0, 12))]
        elif spoil == "swap":
            lines[at], lines[0] = lines[0], lines[at]
        else:
            lines[at] = data.draw(st.text(max_size=20))
    try:
        answer = parse_answer("\n".join(lines), LINES)
    except BadSdp:
        return
    assert len(answer.media) == len(LINES)


async def test_after_bad_answers_a_good_one_connects(factory: PeerFactory) -> None:
    events = Events()
    leg = await factory.open("leg", events, publishes=BOTH, lines=1)
    offer = await leg.offer()
    for spoil in BAD.values():
        with pytest.raises(BadSdp):
            await leg.accept(spoil(GOOD))
    with pytest.raises(BadSdp):
        await leg.accept(offer)  # our own words back
    assert events.told == []
    client = RawClient()
    await join(leg, client)
    with pytest.raises(BadSdp):
        await leg.accept(client.pc.localDescription.sdp)
    assert events.told == [("connected", "leg")]
    await client.close()


@pytest.mark.parametrize(("most", "begin"), [(1_500_000, 500), (300_000, 300)])
async def test_what_a_device_may_send_is_told_in_the_offer_and_by_remb(
    factory: PeerFactory, most: int, begin: int
) -> None:
    leg = await factory.open(
        "leg", Events(), publishes=frozenset(MediaKind), lines=1, low=True, most_bits=most
    )
    offer = await leg.offer()
    limited = [part for part in offer.split("m=")[1:] if f"b=TIAS:{most}\r" in part]
    assert ["a=mid:1" in part and f"x-google-start-bitrate={begin}\r" in part for part in limited] == [True]
    assert leg.relay.rate.up.cap == most
