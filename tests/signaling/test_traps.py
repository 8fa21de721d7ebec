"""The sixteen traps of building on these libraries, each pinned: docs/decisions/0012-media-edges.md says which test
holds which. Those that no other test holds are here."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from pylibsrtp import Error, Policy, Session

from recording import h264
from rooms.client import MediaKind
from signaling import building, dtls
from signaling.peer import PeerFactory
from tests.fakes.rtp import DELTA, KEY, seen
from tests.rooms.relay_legs import pair, video
from tests.signaling.raw_client import Events, RawClient, until

BOTH = frozenset(MediaKind)
HOME = Path(__file__).parents[2]
RECORD = HOME / "docs" / "decisions" / "0012-media-edges.md"


def sources(*packages: str, about: str) -> Iterator[tuple[Path, ast.Module]]:
    """The modules in whose text `about` (a pattern) occurs."""
    for package in packages:
        for path in sorted((HOME / package).rglob("*.py")):
            if re.search(about, text := path.read_text()):
                yield path, ast.parse(text)


def imported(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module)
    return names | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}


def test_every_trap_has_a_test_that_exists() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\|([^|]*)\|$", RECORD.read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 17))
    for _, named in rows:
        tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", named)
        assert tests
        for path, name in tests:
            assert re.search(rf"^(async )?def {name}\(", (HOME / path).read_text(), re.MULTILINE), (
                path,
                name,
            )


async def test_an_offer_bundles_everything_and_has_neither_mid_extension_nor_simulcast(
    factory: PeerFactory,
) -> None:
    leg = await factory.open("leg", Events(), publishes=BOTH, lines=3, low=True)
    text = await leg.offer()
    mids = re.findall(r"a=mid:(\S+)", text)
    assert f"a=group:BUNDLE {' '.join(mids)}\r\n" in text
    assert len(re.findall(r"^m=", text, re.MULTILINE)) == len(mids) == 2 + 1 + 1 + 2 * 3
    assert len(set(re.findall(r"a=ice-ufrag:(\S+)", text))) == 1
    for word in ("sdes:mid", "rtp-stream-id", "a=simulcast", "a=rid", "abs-send-time"):
        assert word not in text
    await leg.close()


async def test_where_we_are_the_dtls_server_we_choose_the_cheap_cipher(factory: PeerFactory) -> None:
    leg, client = await factory.open("leg", Events(), publishes=BOTH, lines=0), RawClient()
    answer = await client.answer(await leg.offer())
    client.dtls._srtp_profiles = dtls.PROFILES[::-1]  # Chromium's taste
    assert "a=setup:active" in answer
    await leg.accept(answer)
    await until(lambda: leg.ready)
    assert leg._dtls._ssl is not None
    assert leg._dtls._ssl.get_selected_srtp_profile() == b"SRTP_AEAD_AES_128_GCM"


def test_nothing_of_ours_decodes_or_encodes_a_call_on_the_loop() -> None:
    for path, tree in sources("rooms", "signaling", "recording", "web", about="aiortc|Media(Recorder|Relay)"):
        names = imported(tree)
        assert not [name for name in names if name.startswith("aiortc.contrib")], path
        assert not [name for name in names if name.rsplit(".")[-1] in ("MediaRecorder", "MediaRelay")], path


def test_no_recorder_opens_an_encoder() -> None:
    for path, tree in sources("recording", about=r"\bav\b"):
        if path.name == "composite.py":
            # No recorder: it renders a copy that was asked for, long after the call.
            continue
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not called & {"add_stream", "add_stream_from_template", "CodecContext"}, path


def test_the_native_relay_brings_no_cryptography_and_links_none() -> None:
    content = building.LIBRARY.read_bytes()
    for name in (b"libsrtp", b"libcrypto", b"libssl", b"libnss"):
        assert name + b".so" not in content
        assert name + b"2.so" not in content
        assert name + b"3.so" not in content


def sealed() -> tuple[Session, Session]:
    key, profile = bytes(range(28)), Policy.SRTP_PROFILE_AEAD_AES_128_GCM
    return (
        Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)),
        Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile)),
    )


@pytest.mark.parametrize("muted", [33_000, 40_000])
def test_what_libsrtp_refuses_after_a_long_mute_is_what_we_never_send(muted: int) -> None:
    send, receive = sealed()
    for number in range(0, 130_000, 10_000):  # into its second cycle, as any stream of a few minutes
        receive.unprotect(send.protect(video(number & 0xFFFF, KEY)))
    refused = 0
    for number in range(120_001 + muted, 120_011 + muted):
        try:
            receive.unprotect(send.protect(video(number & 0xFFFF, DELTA)))
        except Error:
            refused += 1
    assert refused == 10  # the reason still stands
    sender, viewer = pair()
    sender.send([video(1000, KEY)])
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=False)
    sender.send([video(number & 0xFFFF, DELTA) for number in range(1001, 1001 + muted)], 1.0)
    viewer.relay.show(0, sender.relay, 240.0, audio=True, video=True)
    sender.send([video(number & 0xFFFF, KEY) for number in range(1001 + muted, 1011 + muted)], 240.0)
    send, receive = sealed()
    got = [seen(receive.unprotect(send.protect(data))) for data in viewer.port.raw]
    assert len(got) == 11
    assert all((b.sequence - a.sequence) & 0xFFFF == 1 for a, b in pairwise(got))


def test_a_unit_whose_length_looks_like_a_start_code_is_read_by_its_length() -> None:
    units = [b"\x67" + bytes(size - 1) for size in (256, 300, 511)]
    frame = b"".join(len(unit).to_bytes(4) + unit for unit in units)
    assert frame.startswith(b"\0\0\1")
    assert list(h264.units(frame)) == units


def test_janus_is_measured_with_the_settings_under_which_it_works() -> None:
    """Its default, a thread for each handle, falls over on few cores; a `filename` beside `rec_dir` must be no
    path, or nothing is recorded and only the log tells."""
    text = (HOME / "bench" / "media" / "janus.py").read_text()
    assert re.search(r"event_loops = [1-9]", text)
    assert '"rec_dir"' in text
    assert not re.search(r'"filename": *(f?"/|str\(self\.home)', text)
