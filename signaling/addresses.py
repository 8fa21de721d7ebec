"""Addresses of this machine, and sockets bound to them."""

import socket
from ipaddress import ip_address

from aioice.ice import get_host_addresses

_BUFFER = 4 << 20  # bytes asked of the kernel per socket and direction


def own_addresses() -> list[str]:
    """Every address of this machine: IPv4, IPv6, then the loopback ones. Link-local ones are of no use."""
    found = [
        host for host in get_host_addresses(use_ipv4=True, use_ipv6=True) if not ip_address(host).is_loopback
    ]
    found.sort(key=lambda host: ip_address(host).version)
    return [host for host in dict.fromkeys([*found, "127.0.0.1", "::1"]) if is_own(host)]


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_own(host: str) -> bool:
    try:
        bound(host, 0).close()
    except OSError:
        return False
    return True


def bound(host: str, number: int) -> socket.socket:
    """A UDP socket at that address. Raises `OSError`: it is taken, or not ours."""
    version6 = ip_address(host).version == 6
    sock = socket.socket(socket.AF_INET6 if version6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if version6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for side in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, side, _BUFFER)
        sock.bind((host, number))
    except OSError:
        sock.close()
        raise
    return sock
