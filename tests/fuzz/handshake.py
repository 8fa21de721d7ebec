"""DTLS as strangers may speak it: aiortc's transport over our pipe."""

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import Iterator

from OpenSSL import SSL

from signaling.dtls import Certificate, LegDtls, Pipe
from tests.fuzz.pieces import joined, pieces

_PRINT = ":".join(["AB"] * 32)


@functools.cache
def _certificate() -> Certificate:
    return Certificate.generateCertificate()


def dtls(data: bytes) -> None:
    """What comes for a leg's handshake, in either role, and after its end. OpenSSL reads it; a leg whose handshake
    raises something is over and no other (`PeerLeg._connect`), so here nothing may be raised but what ends that one."""

    async def shake() -> None:
        pipe = Pipe(lambda answer: None, Counter())
        leg = LegDtls(pipe, _certificate())
        for part in pieces(data[1:]):
            if 19 < part[:1].ljust(1, b"\0")[0] < 64:  # the port gives it nothing else
                pipe.put(part)
        asyncio.get_running_loop().call_later(0.002, pipe.close)
        done = await leg.shake_hands((("sha-256", _PRINT),), server=data[:1] < b"\x80")
        assert not done  # nobody who is not keyed gets through
        await leg.finish()

    asyncio.run(shake())


def dtls_seeds() -> Iterator[bytes]:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
    client = SSL.Connection(context)
    client.set_connect_state()
    with contextlib.suppress(SSL.WantReadError):
        client.do_handshake()
    hello = client.bio_read(1500)
    yield b"\0" + joined(*(hello[at : at + 255] for at in range(0, len(hello), 255)))
    small = hello[:11] + (120).to_bytes(2, "big") + hello[13:133]  # cut as a fragment would be
    yield b"\0" + joined(small, hello[:60], small)
    yield b"\xff" + joined(b"\x15\xfe\xfd" + bytes(8) + b"\0\x02\x02\x28", b"\x17\xfe\xfd" + bytes(30))
