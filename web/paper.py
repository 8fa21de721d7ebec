"""Papers as PDF: headings, facts and tables in a font that has Chinese, embedded as far as it is used.

The font is one of this machine's: the first of `FONTS` that is there (Debian: package fonts-noto-cjk).
"""

import logging
import warnings
from collections.abc import Sequence
from datetime import datetime
from glob import glob
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from core.errors import Unavailable

# (pattern of a path, number of the face in a collection): faces for simplified Chinese come first.
FONTS: tuple[tuple[str, int], ...] = (
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/*/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/*/*/NotoSansSC*Regular.*tf", 0),
    ("/usr/share/fonts/*/*/NotoSansCJKsc-Regular.otf", 0),
    ("/usr/share/fonts/*/wqy*/wqy-*.ttc", 0),
    ("/usr/share/fonts/*/droid/DroidSansFallbackFull.ttf", 0),
)
_FAMILY = "paper"
_BODY, _SMALL, _TITLE, _HEAD = 10, 8, 18, 13  # points
_LINE = 6  # mm
_BOX = 14  # mm: the height of a drawn curve
_INKS = ("#0b6068", "#a3211b")  # of its lines


class NoFont(Unavailable):
    code = "no-font"
    text = (
        "This machine has no font with Chinese characters, so no paper can be made. "
        "Please ask whoever runs it to install one (fonts-noto-cjk)."
    )


def font() -> tuple[Path, int] | None:
    """The font's file and face; `None` where there is none."""
    for pattern, face in FONTS:
        if found := sorted(glob(pattern)):  # noqa: PTH207 - patterns begin at the root
            return Path(found[0]), face
    return None


class Paper(FPDF):
    """A4, page numbers at the foot. `foot`: what stands beside them. Raises `NoFont`."""

    def __init__(self, title: str, foot: str, made_at: datetime) -> None:
        super().__init__(format="A4")
        chosen = font()
        if chosen is None:
            raise NoFont
        logging.getLogger("fontTools").setLevel(logging.WARNING)
        self._foot = foot
        with warnings.catch_warnings():  # fontTools' own, about tables that are left out
            warnings.simplefilter("ignore")
            self.add_font(_FAMILY, fname=chosen[0], collection_font_number=chosen[1])
        self.set_title(title)
        self.set_creation_date(made_at)
        self.set_margins(18, 16)
        self.set_auto_page_break(auto=True, margin=18)
        self.add_page()
        self.say(title, _TITLE)

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(_FAMILY, size=_SMALL)
        self.set_text_color(90, 102, 117)
        self.cell(0, 5, f"{self._foot} · {self.page_no()}/{{nb}}", align="C")

    def say(self, text: str, size: int = _BODY) -> None:
        self.set_font(_FAMILY, size=size)
        self.set_text_color(27, 36, 48)
        self.multi_cell(0, _LINE * size / _BODY, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def heading(self, text: str) -> None:
        self.ln(3)
        self.say(text, _HEAD)

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """A label and its value in each line."""
        self.grid((), pairs, (1, 2))

    def grid(self, heads: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
        """A table; an empty one is not drawn."""
        if not rows:
            return
        self.set_font(_FAMILY, size=_BODY - 1)
        self.set_draw_color(201, 206, 214)
        plain = FontFace(emphasis="", fill_color=(241, 239, 233))
        with self.table(
            col_widths=tuple(widths),
            text_align="LEFT",
            line_height=_LINE,
            first_row_as_headings=bool(heads),
            headings_style=plain,
        ) as table:
            for cells in ([heads] if heads else []) + [*rows]:
                row = table.row()
                for cell in cells:
                    row.cell(cell)

    def curves(self, caption: str, *traces: Sequence[tuple[float, float]]) -> None:
        """Lines in one box as wide as the page, and the beginning of what follows on the same one; x from left and y
        from below, both 0 to 1. The second line is dashed."""
        if self.will_page_break(_BOX + 6 * _LINE):
            self.add_page()
        self.ln(2)
        self.say(caption)
        left, top, wide = self.l_margin, self.get_y() + 1, self.epw
        with self.local_context(fill_color=(241, 239, 233)):
            self.rect(left, top, wide, _BOX, style="F")
        for place, trace in enumerate(traces):
            dashes = {"dash": 1.2, "gap": 0.8} if place else {"dash": 0, "gap": 0}
            with self.local_context(draw_color=_INKS[place % len(_INKS)], dash_pattern=dashes):
                if len(trace) > 1:
                    self.polyline([(left + wide * x, top + _BOX * (1 - y)) for x, y in trace])
        self.set_y(top + _BOX + 1)

    def done(self) -> bytes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bytes(self.output())
