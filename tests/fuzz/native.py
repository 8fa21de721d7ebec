"""The native relay before hostile packets: `native.c` with the relay's own sources, and inputs to begin with."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from rooms import rtcp
from rooms.client import MediaKind
from rooms.rtp import H264, OPUS, VP8
from tests.fakes.rtp import DELTA, KEY, MORE, packet

SOURCES = Path(__file__).parents[2] / "signaling" / "csrc"
HARNESS = Path(__file__).with_name("native.c")
# As native.c counts them.
RAW, AUTHENTIC, LARGE, RECOVERED, RTCP, RTP, DECIDE, LATER, TYPES, READ = range(10)
_FLAGS = ("-std=c11", "-g", "-O1", "-pthread", "-Wall", "-Wextra", "-Werror", '-DKINBRIDGE_SOURCES="fuzz"')
_SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def has_fuzzer() -> bool:
    """Whether clang is there with libFuzzer (Debian: clang, libclang-rt-dev)."""
    if shutil.which("clang") is None:
        return False
    command = ["clang", "-fsanitize=fuzzer", "-x", "c", "-", "-o", "/dev/null"]
    program = "int LLVMFuzzerTestOneInput(const char *d, unsigned long s) { return 0 * (d[0] + (int)s); }"
    return not subprocess.run(command, input=program, text=True, capture_output=True, check=False).returncode


def build(place: Path, *, fuzzer: bool) -> None:
    """A program that looks for inputs by itself (`fuzzer`), or one that takes the files it is given. Raises
    `CalledProcessError`."""
    own = ["clang", "-fsanitize=fuzzer"] if fuzzer else ["gcc", "-DALONE"]
    sources = [str(path) for path in (*sorted(SOURCES.glob("*.c")), HARNESS)]
    subprocess.run([*own, *_FLAGS, *_SANITIZED, "-o", str(place), *sources], check=True)


def joined(*steps: tuple[int, bytes]) -> bytes:
    return b"".join(bytes((what, min(255, len(data)))) + data[:255] for what, data in steps)


def seeds() -> Iterator[bytes]:
    """A call as it should be; then each thing that must be dropped."""
    pictures = [packet(VP8, n, n * 3000, 0x1111, KEY if n == 0 else DELTA) for n in range(4)]
    sound = [packet(MediaKind.AUDIO, n, n * 960, 0x3333) for n in range(4)]
    small = packet(VP8, 9, 0, 0x2222, KEY)
    begun = [(AUTHENTIC, one) for one in (*pictures, *sound, small)]
    yield joined(*begun, (READ, b"\x00"), (READ, b"\x01"), (RTCP, rtcp.pli(1, 2)), (RTP, pictures[1]))
    wrapped = [(AUTHENTIC, packet(VP8, n, 0, 0x1111, MORE)) for n in (65534, 65535, 0, 1, 700, 30_000, 2)]
    yield joined(*begun, *wrapped, (LATER, b"\xff"), *wrapped)
    yield joined(*begun, (RECOVERED, b"\x00" + pictures[2][1:]), (RECOVERED, b"\x80" + pictures[0][1:]))
    for payload in (b"\x67\x42", b"\x78\0\x02\x67\x42\0\x02\x68\xce", b"\x7c\x85abc", b"\x78\xff\xff\x67"):
        yield joined((DECIDE, b"\x03"), (AUTHENTIC, packet(H264, 1, 0, 0x4444, payload)))
    for which in range(0, 256, 13):
        yield joined(*begun, (DECIDE, bytes([which])), *begun[:3], (DECIDE, bytes([which ^ 0x24])), *begun)
    yield joined(*[(AUTHENTIC, packet(VP8, 1, 0, 0x5000 + n, KEY)) for n in range(20)])  # invented SSRCs
    yield joined(*[(AUTHENTIC, packet(n, 1, 0, 0x1111, KEY)) for n in (0, 97, 98, OPUS, 127)])  # wrong types
    yield joined(*begun, *begun)  # replay
    yield joined((LARGE, b"\xc8\x80"), (LARGE, b"\xff\x80"), (LARGE, packet(VP8, 1, 0, 0x1111)))  # oversize
    yield joined((RAW, b""), (RAW, b"\x80"), (RAW, b"\x16" + bytes(20)), (RAW, b"\x00\x01" + bytes(18)))
    yield joined(
        (RAW, b"\x50turn"), (AUTHENTIC, b"\x80\xc9\x00\x01\x00\x00\x00\x01"), (TYPES, bytes(range(128)))
    )
    extended = packet(VP8, 5, 0, 0x1111, b"\xbe\xde\xff\xff" + KEY)
    yield joined((AUTHENTIC, b"\xbf" + extended[1:] + b"\xff"), (AUTHENTIC, b"\x9f" + extended[1:]))
    yield joined(*[(AUTHENTIC, sound[0] + bytes(200))] * 60, (READ, b"\x01"), (READ, b"\x00"))  # rings fill
