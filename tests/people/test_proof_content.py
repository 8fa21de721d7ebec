"""What is taken as proof: real pictures and plain PDFs, whatever the file is called."""

import contextlib
import io
import zlib

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

from people.errors import ProofNotReadable, ProofTooLarge, ProofType
from people.model import PROOF_MAX_BYTES, PROOF_MAX_PAGES
from people.proof_content import checked
from tests.people.conftest import picture


def pdf(pages: int = 1) -> pypdf.PdfWriter:
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    return writer


def written(writer: pypdf.PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_are_kept_as_pictures(kind: str) -> None:
    content = checked(picture(kind))
    assert content.media_type == f"image/{kind.lower()}"
    with Image.open(io.BytesIO(content.data)) as kept:
        assert (kept.format, kept.size) == (kind, (64, 48))


def test_a_plain_pdf_is_kept_as_it_is() -> None:
    data = written(pdf(2))
    assert checked(data).media_type == "application/pdf"
    assert checked(data).data == data


def test_where_and_by_whom_a_picture_was_taken_is_not_kept() -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "MAKER OF THE CAMERA"
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (40, 20), "red").save(out, "JPEG", exif=exif, comment=b"A COMMENT")
    data = out.getvalue() + b"PK\x03\x04 a second file behind the first"
    assert b"MAKER" in data
    kept = checked(data).data
    for trace in (b"MAKER", b"COMMENT", b"PK\x03\x04", b"Exif"):
        assert trace not in kept
    with Image.open(io.BytesIO(kept)) as upright:
        assert upright.size == (20, 40)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_can_be_kept(mode: str) -> None:
    out = io.BytesIO()
    Image.new("L", (30, 20), 128).convert("L" if mode == "I;16" else mode).save(
        out, "JPEG" if mode == "CMYK" else "PNG"
    )
    assert checked(out.getvalue()).media_type in {"image/png", "image/jpeg"}


@pytest.mark.parametrize(
    "data",
    [
        b"MZ\x90\x00" + bytes(4000),  # an executable, whatever its name says
        b"\x7fELF" + bytes(4000),
        b"#!/bin/sh\nrm -rf /\n",
        b"<html><script>alert(1)</script></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + bytes(100),
        b"PK\x03\x04" + bytes(100),
        b"",
        b"\n%PDF-1.7",
    ],
)
def test_other_files_are_refused_by_type(data: bytes) -> None:
    with pytest.raises(ProofType):
        checked(data)


def test_fifty_megabytes_are_too_large() -> None:
    with pytest.raises(ProofTooLarge) as refused:
        checked(b"\xff\xd8\xff" + bytes(50 * 1024 * 1024))
    assert refused.value.params == {"megabytes": 10}
    assert refused.value.code == "proof-too-large"
    with pytest.raises(ProofTooLarge):
        checked(bytes(PROOF_MAX_BYTES + 1))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_cut_off_pictures_are_not_readable(kind: str) -> None:
    data = picture(kind, (400, 300))
    with pytest.raises(ProofNotReadable):
        checked(data[: len(data) // 2])


def test_a_decompression_bomb_is_not_readable() -> None:
    """30,000 by 30,000 pixels in a file of a few kilobytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)

    side = (30_000).to_bytes(4)
    header = chunk(b"IHDR", side + side + bytes([8, 2, 0, 0, 0]))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")
    with pytest.raises(ProofNotReadable):
        checked(bomb)


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.7\n" + bytes(5000), written(pdf())[:200]])
def test_broken_pdfs_are_not_readable(data: bytes) -> None:
    with pytest.raises(ProofNotReadable):
        checked(data)


def test_locked_empty_and_endless_pdfs_are_not_readable() -> None:
    locked = pdf()
    locked.encrypt("secret", algorithm="AES-256")
    for writer in (locked, pdf(0), pdf(PROOF_MAX_PAGES + 1)):
        with pytest.raises(ProofNotReadable):
            checked(written(writer))


def with_javascript() -> pypdf.PdfWriter:
    """In the document's tree of names, run when it is opened."""
    writer = pdf()
    script = DictionaryObject(
        {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
    )
    names = DictionaryObject(
        {NameObject("/Names"): ArrayObject([TextStringObject("a"), writer._add_object(script)])}
    )
    writer.root_object[NameObject("/Names")] = DictionaryObject({NameObject("/JavaScript"): names})
    return writer


def with_attachment() -> pypdf.PdfWriter:
    writer = pdf()
    writer.add_attachment("a.exe", b"MZ")
    return writer


def acting(**action: str) -> pypdf.PdfWriter:
    writer = pdf()
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(
        {NameObject(f"/{key}"): NameObject(f"/{value}") for key, value in action.items()}
    )
    return writer


def hidden_deep() -> pypdf.PdfWriter:
    """JavaScript in an annotation's action chain, in an object that is only reached from there."""
    writer = pdf()
    inner = DictionaryObject(
        {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
    )
    step = DictionaryObject(
        {NameObject("/S"): NameObject("/Named"), NameObject("/Next"): writer._add_object(inner)}
    )
    note = DictionaryObject(
        {
            NameObject("/Subtype"): NameObject("/Link"),
            NameObject("/Rect"): ArrayObject([NumberObject(0)] * 4),
            NameObject("/A"): step,
        }
    )
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(note)])
    return writer


def with_loose_stream() -> pypdf.PdfWriter:
    """An embedded file that nothing in the document points to."""
    writer = pdf()
    stream = DecodedStreamObject()
    stream.set_data(b"MZ")
    stream[NameObject("/Type")] = NameObject("/EmbeddedFile")
    writer._add_object(stream)
    return writer


@pytest.mark.parametrize(
    "writer",
    [
        with_javascript(),
        with_attachment(),
        acting(S="Launch", F="cmd"),
        acting(S="SubmitForm"),
        acting(S="ImportData"),
        hidden_deep(),
        with_loose_stream(),
    ],
)
def test_pdfs_that_act_or_carry_are_refused(writer: pypdf.PdfWriter) -> None:
    with pytest.raises(ProofType):
        checked(written(writer))


def packed(*objects: bytes) -> bytes:
    """A PDF 1.5 whose objects 1, 2, … all lie in one compressed object stream (ISO 32000-1 section 7.5.7)."""
    starts = [sum(len(one) + 1 for one in objects[:n]) for n in range(len(objects))]
    index = " ".join(f"{n} {start}" for n, start in enumerate(starts, 1)).encode() + b" "
    body = zlib.compress(index + b" ".join(objects))
    holder, table = len(objects) + 1, len(objects) + 2
    out = b"%PDF-1.5\n"
    holder_at = len(out)
    out += (
        b"%d 0 obj\n<</Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream\nendobj\n"
        % (holder, len(objects), len(index), len(body), body)
    )
    table_at = len(out)
    rows = b"\x00" + bytes(3)
    rows += b"".join(b"\x02" + holder.to_bytes(2) + bytes([n]) for n in range(len(objects)))
    rows += b"\x01" + holder_at.to_bytes(2) + b"\x00" + b"\x01" + table_at.to_bytes(2) + b"\x00"
    out += (
        b"%d 0 obj\n<</Type/XRef/Size %d/W[1 2 1]/Root 1 0 R/Length %d>>\nstream\n%b\nendstream\nendobj\n"
        % (table, table + 1, len(rows), rows)
    )
    return out + b"startxref\n%d\n%%%%EOF\n" % table_at


PAPER = (
    b"<</Type/Catalog/Pages 2 0 R>>",
    b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
)


def test_what_is_hidden_in_compressed_objects_is_seen() -> None:
    assert checked(packed(*PAPER)).media_type == "application/pdf"
    with pytest.raises(ProofType):
        checked(packed(*PAPER, b"<</S/JavaScript/JS(app.alert)>>"))
    with pytest.raises(ProofType):
        checked(packed(*PAPER, b"<</S/#4aavaScript>>"))  # a name may be written with escapes


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_never_raise_anything_else(data: st.DataObject) -> None:
    original = data.draw(
        st.sampled_from([picture("JPEG"), picture("PNG"), picture("WEBP"), written(hidden_deep())])
    )
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProofType, ProofNotReadable):
        assert checked(bytes(damaged)).data
