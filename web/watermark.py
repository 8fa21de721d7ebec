"""The receiver's name over every picture of a copy that leaves: large and slanting, so that a screen shot has it."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from recording.composite import Pixels
from web.paper import NoFont, font

_STRENGTH = 96  # of 255
_EVERY = 130  # pixels between two lines of words


def mark(words: str, size: tuple[int, int]) -> Pixels:
    """`size`: width and height. Raises `NoFont`."""
    chosen = font()
    if chosen is None:
        raise NoFont
    letters = ImageFont.truetype(str(chosen[0]), 26, index=chosen[1])
    side = size[0] + size[1]
    sheet = Image.new("L", (side, side))
    draw = ImageDraw.Draw(sheet)
    length = max(1, round(draw.textlength(words, font=letters))) + 60
    for row, y in enumerate(range(0, side, _EVERY)):
        for x in range(-(row % 2) * length // 2, side, length):
            draw.text((x, y), words, fill=_STRENGTH, font=letters)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    whole = sheet.rotate(18).crop((left, top, left + size[0], top + size[1]))
    return np.repeat(np.asarray(whole, np.uint8)[:, :, None], 3, axis=2)
