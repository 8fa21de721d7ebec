"""Time stamps of an authority outside the house, on the heads of days (RFC 3161). Pure.

    days/<date>.json.tsr      the authority's whole answer (TimeStampResp, DER), certificates included

Our own signature tells who sealed a day; the stamp tells that it was sealed no later than then, by somebody who
gains nothing from lying. It is asked for the head's SHA-512, so the authority learns nothing of what is in it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    TimeStampRequest,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

STAMP = ".json.tsr"

Roots = Sequence[x509.Certificate]


def question(content: bytes) -> TimeStampRequest:
    """What the authority is asked: a digest, a nonce of this question, and its certificates with the answer."""
    return TimestampRequestBuilder().data(content).nonce(nonce=True).cert_request(cert_request=True).build()


def read_roots(path: Path) -> Roots:
    """The certificates in a PEM file. Raises `OSError`; `ValueError` when there is none in it."""
    return x509.load_pem_x509_certificates(path.read_bytes())


def check(answer: bytes, content: bytes, roots: Roots, *, nonce: int | None = None) -> datetime:
    """When the authority saw `content`, at the latest. `nonce`: of the question, where it is known.

    The certificates are judged at the time of the stamp, so an old stamp outlives them (RFC 3161 section 4).
    Raises `ValueError` with a sentence when the answer proves nothing.
    """
    try:
        response = decode_timestamp_response(answer)
    except ValueError as error:
        raise ValueError("it cannot be read as a time stamp") from error
    try:
        builder = VerifierBuilder(roots=[*roots], nonce=nonce)
        builder.build().verify_message(response, content)
    except (VerificationError, ValueError) as error:
        raise ValueError(f"it does not stamp this head by a trusted authority ({error})") from error
    return response.tst_info.gen_time.astimezone(UTC)
