import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core import keys
from core.errors import Misconfigured


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, second = keys.signer(tmp_path), keys.signer(tmp_path)
    assert first.key_id == second.key_id
    private = tmp_path / "keys" / "signing.key"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert sorted(one.name for one in (tmp_path / "keys").iterdir()) == [f"{first.key_id}.pub", "signing.key"]


def test_many_at_once_make_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = {one.key_id for one in pool.map(lambda _: keys.signer(tmp_path), range(8))}
    assert len(ids) == 1
    assert set(keys.public_keys(tmp_path / "keys")) == ids


def test_a_signature_verifies_under_its_own_key_and_message_only(tmp_path: Path) -> None:
    signer = keys.signer(tmp_path)
    known = keys.public_keys(tmp_path / "keys")
    signature = signer.sign(b"message")
    assert keys.verify(known, signer.key_id, signature, b"message")
    assert not keys.verify(known, signer.key_id, signature, b"messagE")
    assert not keys.verify(known, signer.key_id, signature[:-1], b"message")
    assert not keys.verify(known, "0" * 16, signature, b"message")
    assert not keys.verify({signer.key_id: b"short"}, signer.key_id, signature, b"message")


def test_a_new_key_keeps_the_old_ones_readable(tmp_path: Path) -> None:
    old = keys.signer(tmp_path)
    signature = old.sign(b"message")
    new = keys.rotate(tmp_path)
    assert new.key_id != old.key_id
    known = keys.public_keys(tmp_path / "keys")
    assert set(known) == {old.key_id, new.key_id}
    assert keys.verify(known, old.key_id, signature, b"message")


def test_a_private_key_that_came_by_hand_gets_its_public_half(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    private = Ed25519PrivateKey.generate()
    (folder / "signing.key").write_bytes(_pem(private))
    signer = keys.signer(tmp_path)
    assert keys.public_keys(folder)[signer.key_id] == private.public_key().public_bytes_raw()


def _pem(private: object) -> bytes:
    assert hasattr(private, "private_bytes")
    content: bytes = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return content


@pytest.mark.parametrize("content", [b"", b"rubbish", _pem(generate_private_key(SECP256R1()))])
def test_what_is_no_such_key_is_a_misconfiguration(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "signing.key").write_bytes(content)
    with pytest.raises(Misconfigured):
        keys.signer(tmp_path)


def test_a_public_key_under_a_foreign_name_is_refused(tmp_path: Path) -> None:
    signer = keys.signer(tmp_path)
    (tmp_path / "keys" / f"{signer.key_id}.pub").rename(tmp_path / "keys" / "0123456789abcdef.pub")
    with pytest.raises(Misconfigured, match="another key"):
        keys.public_keys(tmp_path / "keys")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"rubbish",
        generate_private_key(SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    ],
)
def test_what_is_no_public_key_is_refused(content: bytes) -> None:
    with pytest.raises(Misconfigured):
        keys.read_public(content)
