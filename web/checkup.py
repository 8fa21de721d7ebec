"""The report of a device check: read strictly, written as plain text that can be read out on the telephone."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import clock
from core.errors import Malformed
from web.i18n import N_

MAX_BYTES = 8192

PARTS = {
    "browser": N_("Browser"),
    "camera": N_("Camera"),
    "microphone": N_("Microphone"),
    "speaker": N_("Loudspeaker"),
    "network": N_("Network"),
}
STATES = {
    "good": N_("works"),
    "warn": N_("works with limits"),
    "bad": N_("does not work"),
    "wait": N_("not checked"),
    "busy": N_("not checked"),
}

Word = Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z-]*$")]
Number = Annotated[float, Field(ge=0, le=1e10)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(_Strict):
    state: Literal["good", "warn", "bad", "wait", "busy"]
    code: Word


class CameraMeasured(_Strict):
    width: Number | None = None
    height: Number | None = None
    frame_rate: Number | None = Field(default=None, alias="frameRate")


class MicrophoneMeasured(_Strict):
    loudest: Number  # of the bar, 0…1


class NetworkMeasured(_Strict):
    """`roundTrip` in milliseconds, `loss` and `lossUp` in percent, `bits` per second that came back."""

    state: Word
    code: Word
    round_trip: Number | None = Field(default=None, alias="roundTrip")
    loss: Number | None = None
    loss_up: Number | None = Field(default=None, alias="lossUp")
    bits: Number | None = None
    received: Number | None = None
    relay: Word = "none"
    relay_needed: bool = Field(default=False, alias="relayNeeded")


class Measured(_Strict):
    camera: CameraMeasured | None = None
    microphone: MicrophoneMeasured | None = None
    network: NetworkMeasured | None = None


class Report(_Strict):
    results: dict[Literal["browser", "camera", "microphone", "speaker", "network"], Result]
    measured: Measured
    browser: str = Field(max_length=400)
    screen: str = Field(max_length=40)
    path: str = Field(max_length=200)


class ReportNotReadable(Malformed):
    code = "report-not-readable"
    text = "This report could not be read. Please run the check again."


def read(text: str) -> Report:
    """The report as the page sent it; raises `ReportNotReadable`."""
    if len(text) > MAX_BYTES:
        raise ReportNotReadable
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        raise ReportNotReadable from error


def written(report: Report, _: Callable[..., str], when: str) -> str:
    """The report for people, with all that was measured below it for those who help. `_` translates."""
    lines = [_(TITLE), when, ""]
    lines += [f"{_(PARTS[part])}: {_(STATES[result.state])}" for part, result in report.results.items()]
    details: dict[str, Any] = {"made_at": clock.now().isoformat(timespec="seconds"), "report": None}
    details["report"] = report.model_dump(mode="json", exclude_none=True, by_alias=True)
    lines += ["", _(DETAILS), json.dumps(details, ensure_ascii=False, indent=2), ""]
    return "\n".join(lines)


TITLE = N_("Kinbridge device check")
DETAILS = N_("For whoever helps you:")
