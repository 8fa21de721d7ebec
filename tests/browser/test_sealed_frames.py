"""What the server holds of a sealed talk: sound and pictures that no decoder can read; of an open one, it can.

The other end is a peer of ours that gets exactly what the relay forwards, and has no key for it.
"""

import asyncio
import base64
import contextlib
import hashlib
import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import av
import httpx
import numpy as np
from aiortc.rtcdtlstransport import RTCCertificate
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from recording.rtp import vp8_descriptor
from rooms.client import MediaKind
from rooms.confidentiality import Confidentiality
from rooms.rtp import HEADER, PAYLOAD_TYPE, payload_span
from signaling.client import Client
from signaling.probe import Probe
from tests.browser import place
from tests.browser.conftest import Crowd
from tests.browser.product import Product
from tests.browser.test_closed_meetings import agreed, at_the_terminal
from tests.browser.test_lawyer_turn import into_the_call
from tests.fakes import clip
from tests.fakes.clip import BLOCKS, number_of

SOUNDS, PICTURES = 200, 40  # packets of sound (four seconds) and pictures that are enough to judge by
STEP = 480  # samples of ten milliseconds


@dataclass
class Ear(Probe):
    """Keeps what the relay forwards, by kind: (sequence number, timestamp, payload)."""

    heard: dict[MediaKind, list[tuple[int, int, bytes]]] = field(
        default_factory=lambda: {kind: [] for kind in MediaKind}
    )

    def _media(self, data: bytes) -> None:
        receiving, _ = self._dtls.sessions()
        packet = receiving.unprotect(data)
        kinds = {number: kind for kind, number in PAYLOAD_TYPE.items()}
        kind = kinds.get(packet[1] & 0x7F)
        if kind is not None:
            start, end = payload_span(packet)
            _, _, number, stamp, _ = HEADER.unpack(packet[:12])
            self.heard[kind].append((number, stamp, bytes(packet[start:end])))

    def pictures_whole(self) -> list[bytes]:
        """Frames in their order, their packets put together (RFC 7741)."""
        frames: dict[int, bytes] = {}
        for _, stamp, payload in sorted(self.heard[MediaKind.VIDEO]):
            told = vp8_descriptor(payload)
            if told is not None:
                frames[stamp] = frames.get(stamp, b"") + payload[told[0] :]
        return list(frames.values())

    @property
    def enough(self) -> bool:
        return len(self.heard[MediaKind.AUDIO]) >= SOUNDS and len(self.pictures_whole()) >= PICTURES


def legible(frames: list[bytes]) -> int:
    """How many pictures show the row of blocks; a frame that no decoder takes shows nothing."""
    decoder, found = av.CodecContext.create("vp8", "r"), 0
    for frame in frames:
        with contextlib.suppress(av.FFmpegError):
            for picture in decoder.decode(av.Packet(frame)):
                grey = picture.to_ndarray(format="gray")
                height, width = grey.shape
                middles = (np.arange(BLOCKS) + 0.5) * width / BLOCKS
                found += number_of([int(grey[height // 12, int(x)] > 127) for x in middles]) is not None
    return found


def audible(ear: Ear) -> int:
    """How many beeps of the inmate's pitch are in the sound: nothing else for at least fifty milliseconds.

    Sealed bytes are decoded to noise, which holds some of every pitch; a beep holds half its power in one.
    """
    decoder, parts = av.CodecContext.create("libopus", "r"), []
    for _, _, payload in sorted(ear.heard[MediaKind.AUDIO]):
        with contextlib.suppress(av.FFmpegError):
            for piece in decoder.decode(av.Packet(payload)):
                sound = piece.to_ndarray().astype(np.float64)
                level = 32768 if piece.format.name.startswith("s16") else 1
                parts.append(
                    sound.reshape(-1)[:: 1 if piece.format.is_planar else piece.layout.nb_channels] / level
                )
    if not parts:
        return 0
    whole = np.concatenate(parts)
    pieces = whole[: len(whole) // STEP * STEP].reshape(-1, STEP)
    tone = np.abs(pieces @ np.exp(-2j * np.pi * clip.INMATE.pitch * np.arange(STEP) / 48_000)) / STEP
    pure = (tone > 0.01) & (tone**2 > 0.35 * (pieces**2).mean(axis=1))
    return sum(bool(beep) and len(list(run)) >= 5 for beep, run in itertools.groupby(pure))


async def ticket(product: Product, path: str) -> str:
    """The lawyer's, as the page asks for it."""
    async with httpx.AsyncClient(base_url=product.url, follow_redirects=True) as browser:
        await browser.get("/demo/enter/counsel")
        page = (await browser.get(path)).text
        token = re.findall(r'<meta name="csrf" content="([^"]+)"', page)[0]
        answer = await browser.post(f"/api/v1{path}/ticket", headers={"x-csrf-token": token})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ticket"])


@contextlib.asynccontextmanager
async def listening(product: Product, path: str, key: bytes) -> AsyncIterator[Ear]:
    """In the lawyer's seat. `key`: the public half of a key pair, empty for a browser that cannot seal."""
    ear = Ear(RTCCertificate.generateCertificate())
    token = await ticket(product, path)
    connecting: asyncio.Queue[asyncio.Task[None]] = asyncio.Queue()

    async def answer(offer: str) -> str:
        sdp = ear.answer(offer)
        connecting.put_nowait(asyncio.create_task(ear.connect()))
        return sdp

    commit = base64.b64encode(hashlib.sha256(key).digest()).decode() if key else "none"
    url = f"{product.url.replace('http', 'ws')}/signal"
    async with Client.open(url, product.url, token, answer) as client:
        await client.heard(lambda m: bool(m["type"] == "welcome"))
        for public in ("", base64.b64encode(key).decode()):
            await client.send({"type": "key", "commit": commit, "public": public})
        await (await connecting.get())
        try:
            yield ear
        finally:
            await ear.close()


async def filled(ear: Ear) -> None:
    """Till there is enough to judge by. Whoever says nothing is taken for gone, so it speaks, too."""
    for _ in range(900):
        if ear.enough:
            return
        ear.send(MediaKind.AUDIO, b"\xf8\xff\xfe")  # silence, as Opus says it
        await asyncio.sleep(0.1)
    raise AssertionError({kind.value: len(heard) for kind, heard in ear.heard.items()})


async def test_what_the_relay_forwards_can_be_read_only_where_nothing_is_sealed(
    product: Product, crowd: Crowd
) -> None:
    inmate = await crowd.performer("inmate", product.url_of("terminal"), clip.INMATE)
    await place.prepare(product)
    path = await agreed(product, Confidentiality.UNMONITORED)
    await at_the_terminal(inmate)
    await into_the_call(inmate, path)
    async with listening(product, path, b"") as ear:
        await inmate.until("document.getElementById('seal').dataset.mode === 'open'")
        await filled(ear)
    assert legible(ear.pictures_whole()) > PICTURES // 2
    assert audible(ear) >= 2
    pair = ec.generate_private_key(ec.SECP256R1())
    public = pair.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    async with listening(product, path, public) as ear:
        await inmate.until("document.getElementById('seal').dataset.mode === 'sealed'")
        for heard in ear.heard.values():
            heard.clear()
        await filled(ear)
    assert legible(ear.pictures_whole()) <= PICTURES // 10
    assert audible(ear) == 0
