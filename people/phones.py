"""Telephone numbers: normalised to E.164, masked for pages. Pure."""

import re

_CHINESE_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")  # ITU-T E.164: at most 15 digits
_FILLING = re.compile(r"[\s\-().\u3000]+")


def normalised(entered: str) -> str | None:
    """`138 0013 8000` -> `+8613800138000`; foreign numbers need their `+`. None: no telephone number."""
    text = _FILLING.sub("", entered.translate(_WIDE))
    if text.startswith("00"):
        text = "+" + text[2:]
    if _CHINESE_MOBILE.fullmatch(text):
        return "+86" + text
    if text.startswith("+86"):
        return text if _CHINESE_MOBILE.fullmatch(text[3:]) else None
    return text if _E164.fullmatch(text) else None


# Digits and the plus sign as a Chinese keyboard may type them.
_WIDE = {ord("０") + i: str(i) for i in range(10)} | {ord("＋"): "+"}


def masked(phone: str) -> str:
    """`+8613800138000` -> `138****8000`; enough to recognise one's own."""
    local = phone.removeprefix("+86")
    return f"{local[:3]}****{local[-4:]}"
