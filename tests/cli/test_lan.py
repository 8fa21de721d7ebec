"""`make demo LAN=1`: HTTPS on the network's address, with a certificate that names it and a code to scan."""

import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aioice.ice import get_host_addresses
from cryptography import x509

from tests.services import free_port

KINBRIDGE = Path(sys.executable).with_name("kinbridge")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A demonstration on the network; yields its port and its data folder."""
    port, log = free_port(), tmp_path / "log"
    with log.open("w") as out:
        running = subprocess.Popen(
            [str(KINBRIDGE), "demo", "--lan", "--port", str(port)],
            env={"KINBRIDGE_DATA_DIR": str(tmp_path / "var"), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and running.poll() is None:
        try:
            httpx.get(f"https://127.0.0.1:{port}/healthz", verify=False)
            break
        except httpx.TransportError:
            time.sleep(0.2)
    yield port, tmp_path
    running.terminate()
    running.wait(20)


def test_a_telephone_can_come(served: tuple[int, Path]) -> None:
    port, folder = served
    words = (folder / "log").read_text(encoding="utf-8")
    address = (get_host_addresses(use_ipv4=True, use_ipv6=False) or ["127.0.0.1"])[0]
    assert f"https://{address}:{port}/demo" in words
    assert "█" in words or "▀" in words  # the code to scan

    certificate = folder / "var" / "tls" / "lan.crt"
    names = x509.load_pem_x509_certificate(certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert address in [str(ip) for ip in names.value.get_values_for_type(x509.IPAddress)]
    assert (folder / "var" / "tls" / "lan.key").stat().st_mode & 0o077 == 0

    trusting = ssl.create_default_context(cafile=str(certificate))
    page = httpx.get(f"https://{address}:{port}/demo", verify=trusting)
    assert page.status_code == 200
    assert 'href="/demo/enter/wife"' in page.text  # one telephone is one person: no other host names
    entered = httpx.get(f"https://{address}:{port}/demo/enter/wife", verify=trusting)
    cookie = entered.headers["set-cookie"]
    assert "__Host-kinbridge-session=" in cookie
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
