"""What the use cases of people need besides a database session, and where a request comes from."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from core.box import Box
from core.bus import Bus
from core.limits import Limiter, open_limiter
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Means:
    """Made once per process (`Means.of`) and handed to the use cases. One box per purpose."""

    documents: Box  # identity document numbers
    proofs: Box  # proof files
    totp: Box  # TOTP seeds
    codes: Box  # digests of short codes, which a plain hash would not protect
    limiter: Limiter
    bus: Bus
    proofs_dir: Path
    origin: str  # as browsers send it, for passkeys
    rp_id: str  # the host name passkeys are bound to (WebAuthn section 5.1.2)

    @classmethod
    def of(cls, settings: Settings, bus: Bus) -> "Means":
        """Must be called in the running loop."""
        secret = settings.secret_key.get_secret_value()
        return cls(
            documents=Box(secret, "document"),
            proofs=Box(secret, "proof"),
            totp=Box(secret, "totp"),
            codes=Box(secret, "code"),
            limiter=open_limiter(bus),
            bus=bus,
            proofs_dir=settings.data_dir / "proofs",
            origin=settings.public_url,
            rp_id=urlsplit(settings.public_url).hostname or "localhost",
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from; none of it is believed to be who somebody is.

    `network`: the peer's address as the edge knows it. `device`: the value of the long-lived device cookie
    (`known.new_token()` for a browser that has none). `agent`: the User-Agent header. `binding`: a random
    value that only this browser holds before it signs in (a cookie); challenges are answered under the
    same one. `language`: of the pages it looks at.
    """

    network: str
    device: str
    agent: str
    binding: str
    language: str = "zh"

    @property
    def network_group(self) -> str:
        """What is counted as one network: an IPv4 address, or the /64 of an IPv6 address."""
        try:
            address = ip_address(self.network)
        except ValueError:
            return self.network  # a socket without an address, behind a local proxy
        if isinstance(address, IPv4Address):
            return str(address)
        if address.ipv4_mapped is not None:  # a server that listens on both kinds tells IPv4 peers so
            return str(address.ipv4_mapped)
        return str(IPv6Network((int(address) >> 64 << 64, 64)))
