"""What signaling.dtls, .srtp and .ice use of aiortc, pylibsrtp and aioice beyond their public interface.

When one of these fails after an upgrade, the media plane must be looked at before anything else.
"""

import inspect
import re
import socket
from importlib.metadata import version

import aiortc
from aioice import stun
from aioice.ice import get_host_addresses
from aiortc import rtcdtlstransport as dtls
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

from signaling.dtls import PROFILES, Certificate, Pipe
from signaling.library import context, functions, load
from signaling.library import ffi as native_ffi


def parameters(function: object) -> list[str]:
    assert callable(function)
    return list(inspect.signature(function).parameters)


def test_the_versions_are_those_that_were_read() -> None:
    assert aiortc.__version__ == "1.16.0"
    assert version("aioice").startswith("0.13.")
    assert version("pylibsrtp").startswith("1.0.")


def test_the_dtls_transport_has_our_hooks() -> None:
    transport = dtls.RTCDtlsTransport
    assert parameters(transport.__init__) == ["self", "transport", "certificates"]
    assert parameters(transport.start) == ["self", "remoteParameters"]
    assert parameters(transport.stop) == ["self"]
    assert parameters(transport._set_role) == ["self", "role"]
    source = inspect.getsource(transport)
    for name in (
        "self._rx_srtp = Session(",
        "self._tx_srtp = Session(",
        "self._srtp_profiles",
        '"statechange"',
    ):
        assert name in source, name
    assert [state.name for state in dtls.State] == ["NEW", "CONNECTING", "CONNECTED", "CLOSED", "FAILED"]


def test_of_its_transport_it_uses_what_a_pipe_has() -> None:
    source = inspect.getsource(dtls.RTCDtlsTransport)
    assert set(re.findall(r"transport\.(\w+)", source)) == {"_recv", "_send", "role"}
    assert all(hasattr(Pipe, name) for name in ("_recv", "_send", "role"))


def test_the_srtp_profiles_are_known_and_built_in() -> None:
    assert [profile.openssl_profile for profile in PROFILES] == [
        b"SRTP_AEAD_AES_128_GCM",
        b"SRTP_AES128_CM_SHA1_80",
    ]
    assert all(profile in dtls.SRTP_PROFILES for profile in PROFILES)


def test_the_certificate_tells_its_fingerprint_and_end() -> None:
    certificate = dtls.RTCCertificate.generateCertificate()
    first = certificate.getFingerprints()[0]
    assert (first.algorithm, len(first.value)) == ("sha-256", 95)
    assert certificate.expires.tzinfo is not None


def test_the_ssl_context_and_the_fingerprints_are_the_certificates_to_give() -> None:
    """signaling.dtls.Certificate overrides both, so that they are made once."""
    assert parameters(dtls.RTCCertificate._create_ssl_context) == ["self", "srtp_profiles"]
    source = inspect.getsource(dtls.RTCDtlsTransport)
    assert "certificate._create_ssl_context(" in source
    assert "certificate.getFingerprints()" in source
    certificate = Certificate.generateCertificate()
    assert certificate._create_ssl_context(PROFILES) is certificate._create_ssl_context(PROFILES)
    assert certificate.getFingerprints() is certificate.getFingerprints()


def test_libsrtp_works_in_place_on_the_sessions_of_pylibsrtp() -> None:
    key = bytes(range(28))
    profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
    send = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
    receive = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
    cdata, length = ffi.new("char[]", 200), ffi.new("int *")
    for seal, unseal, data in (
        (lib.srtp_protect, lib.srtp_unprotect, b"\x80\x6f\x00\x01" + bytes(8) + b"payload"),
        (lib.srtp_protect_rtcp, lib.srtp_unprotect_rtcp, b"\x80\xc9\x00\x01" + bytes(4)),
    ):
        ffi.buffer(cdata)[0 : len(data)] = data
        length[0] = len(data)
        assert seal(send._srtp[0], cdata, length) == 0
        assert length[0] > len(data)
        assert unseal(receive._srtp[0], cdata, length) == 0
        assert ffi.buffer(cdata)[0 : length[0]] == data
        assert unseal(receive._srtp[0], cdata, length) != 0


def test_libsrtps_functions_and_sessions_can_be_taken_as_pointers() -> None:
    taken = functions(load(), encrypted=True)
    assert len({int(native_ffi.cast("uintptr_t", one)) for one in taken} - {0}) == 4
    session = Session(
        Policy(
            key=bytes(28),
            ssrc_type=Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
        )
    )
    assert int(native_ffi.cast("uintptr_t", context(session))) == int(ffi.cast("uintptr_t", session._srtp[0]))


def test_stun_messages_are_read_and_signed_as_we_expect() -> None:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = "a:b"
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(b"password")
    read = stun.parse_message(bytes(message))
    assert read.check_message_integrity(b"password")
    assert not read.check_message_integrity(b"passwort")
    assert list(read.attributes) == ["USERNAME", "USE-CANDIDATE", "MESSAGE-INTEGRITY", "FINGERPRINT"]
    assert parameters(stun.Message.check_message_integrity) == ["self", "key"]


def test_the_addresses_of_this_machine_are_told_as_text() -> None:
    assert parameters(get_host_addresses) == ["use_ipv4", "use_ipv6"]
    for host in get_host_addresses(use_ipv4=True, use_ipv6=False):
        socket.inet_pton(socket.AF_INET, host)
