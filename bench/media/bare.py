"""A peer that joins and is silent: STUN and DTLS, nothing else, so that many can join at once from one process."""

import asyncio
import re
import socket
from collections import Counter

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate

from signaling.dtls import LegDtls, Pipe

_NAME, _PASSWORD = "bare", "b" * 24
_DROPPED = ("a=ssrc", "a=candidate", "a=ice-lite", "a=msid", "a=end-of")
_certificates: list[RTCCertificate] = []


class BarePeer:
    def __init__(self) -> None:
        if not _certificates:
            _certificates.append(RTCCertificate.generateCertificate())
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._pipe = Pipe(self._send, Counter())
        self._dtls = LegDtls(self._pipe, _certificates[0])
        self._joining: asyncio.Task[None] | None = None

    async def answer(self, offer: str) -> str:
        candidate = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) ", offer)
        ufrag, password = re.search(r"a=ice-ufrag:(\S+)", offer), re.search(r"a=ice-pwd:(\S+)", offer)
        fingerprint = re.search(r"a=fingerprint:(\S+) (\S+)", offer)
        assert candidate is not None
        assert ufrag is not None
        assert password is not None
        assert fingerprint is not None
        self._socket.connect((candidate[1], int(candidate[2])))
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)
        self._joining = asyncio.create_task(
            self._join(f"{ufrag[1]}:{_NAME}", password[1], (fingerprint[1], fingerprint[2]))
        )
        return self._answer(offer)

    def _answer(self, offer: str) -> str:
        own = self._dtls.getLocalParameters().fingerprints[0]
        swaps = {"a=sendonly": "a=recvonly", "a=recvonly": "a=inactive", "a=setup:actpass": "a=setup:active"}
        lines = [swaps.get(line, line) for line in offer.splitlines() if not line.startswith(_DROPPED)]
        text = "\r\n".join(lines) + "\r\n"
        text = re.sub(r"a=ice-ufrag:\S+", f"a=ice-ufrag:{_NAME}", text)
        text = re.sub(r"a=ice-pwd:\S+", f"a=ice-pwd:{_PASSWORD}", text)
        return re.sub(r"a=fingerprint:.*", f"a=fingerprint:sha-256 {own.value}", text)

    async def _join(self, username: str, password: str, fingerprint: tuple[str, str]) -> None:
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = username
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(password.encode())
        self._send(bytes(request))
        await self._dtls.shake_hands((fingerprint,), server=False)

    def _send(self, data: bytes) -> None:
        self._socket.send(data)

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv(2048)
            except OSError:
                return
            if 19 < data[0] < 64:
                self._pipe.put(data)
