"""Whether an uploaded file really is a picture or a harmless PDF. Never by its name or what the browser says.

A picture is decoded and written anew: what is kept has no position, camera or preview in it, and no second
file hidden behind the first. A PDF is walked object by object: nothing that acts, nothing embedded.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pypdf
from PIL import Image, ImageOps, UnidentifiedImageError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from people.errors import ProofNotReadable, ProofTooLarge, ProofType
from people.model import PROOF_MAX_BYTES, PROOF_MAX_PAGES, PROOF_MAX_PIXELS

_PICTURES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_PDF = "application/pdf"
_OBJECTS_MAX = 20_000
# What makes a PDF more than paper: ISO 32000-1 sections 7.11.4, 12.6.4, 12.7.8, 13.
_ACTIVE_KEYS = frozenset({"/JS", "/JavaScript", "/EmbeddedFiles", "/XFA", "/RichMediaContent"})
_ACTIVE_NAMES = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ImportData",
        "/GoToE",
        "/Rendition",
        "/Movie",
        "/Sound",
        "/EmbeddedFile",
        "/FileAttachment",
        "/RichMedia",
        "/Screen",
        "/3D",
    }
)


@dataclass(frozen=True, slots=True)
class Content:
    """What is kept."""

    media_type: str
    data: bytes


def checked(data: bytes) -> Content:
    """What to keep of an upload. Takes up to seconds of processor time: call it in a thread.

    Raises `ProofTooLarge`, `ProofType`, `ProofNotReadable`.
    """
    if len(data) > PROOF_MAX_BYTES:
        raise ProofTooLarge(megabytes=PROOF_MAX_BYTES // 1024 // 1024)
    media_type = _kind(data)
    if media_type == _PDF:
        _check_pdf(data)
        return Content(_PDF, data)
    return Content(media_type, _picture_anew(data, _PICTURES[media_type]))


def _kind(data: bytes) -> str:
    """By the first bytes: JPEG (ISO 10918-1 B.1.1.3), PNG (section 5.2), WebP (RIFF), PDF."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith(b"%PDF-"):
        return _PDF
    raise ProofType


def _picture_anew(data: bytes, kind: str) -> bytes:
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            if picture.width * picture.height > PROOF_MAX_PIXELS:
                raise ProofNotReadable
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            plain = upright if upright.mode in ("L", "RGB") else upright.convert("RGB")
            plain.info = {}
            out = io.BytesIO()
            plain.save(out, kind, **({} if kind == "PNG" else {"quality": 92}))
            return out.getvalue()
    except (
        OSError,
        SyntaxError,  # Pillow's for a broken PNG chunk
        ValueError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise ProofNotReadable from error


def _check_pdf(data: bytes) -> None:
    try:
        active = _active(pypdf.PdfReader(io.BytesIO(data), strict=False))
    except Exception as error:  # a broken file makes pypdf raise whatever it stumbles over
        raise ProofNotReadable from error
    if active:
        raise ProofType


def _active(reader: pypdf.PdfReader) -> bool:
    """Whether it is more than paper; raises for what cannot be read as a few pages."""
    if reader.is_encrypted or not 0 < len(reader.pages) <= PROOF_MAX_PAGES:
        raise ProofNotReadable
    reader.pages[0].extract_text()
    return any(_acts(part) for part in _dictionaries(reader))


def _acts(part: DictionaryObject) -> bool:
    names = {str(part.get(key)) for key in ("/S", "/Type", "/Subtype")}
    return bool(_ACTIVE_KEYS & part.keys() or _ACTIVE_NAMES & names)


def _dictionaries(reader: pypdf.PdfReader) -> Iterator[DictionaryObject]:
    """Every dictionary of every object in the file, reachable from the root or not, each object once."""
    numbers = {(n, g) for g, offsets in reader.xref.items() for n in offsets}
    numbers |= {(n, 0) for n in reader.xref_objStm}
    if len(numbers) > _OBJECTS_MAX:
        raise ProofNotReadable
    waiting: list[object] = [reader.trailer]
    waiting += [reader.get_object(IndirectObject(n, g, reader)) for n, g in sorted(numbers) if n]
    while waiting:
        part = waiting.pop()
        if isinstance(part, DictionaryObject):
            yield part
            waiting += [part.raw_get(key) for key in part]
        elif isinstance(part, ArrayObject):
            waiting += list(part)
