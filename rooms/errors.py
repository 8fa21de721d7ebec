"""Refusals of rooms and media that a person may be told about."""

from core.errors import Malformed


class BadSdp(Malformed):
    """The answer to an offer cannot be used. The offer stands; `detail` is for the log, not for people."""

    code = "bad-sdp"
    text = "Your browser's answer about camera and sound could not be used. Please try again."

    def __init__(self, detail: str = "") -> None:
        super().__init__()
        self.detail = detail
        if detail:
            self.args = (f"{self.code}: {detail}",)
