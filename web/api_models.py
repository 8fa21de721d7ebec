"""What the JSON interface takes and gives."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from people.model import Kinship, RelationshipState
from scheduler.model import BookingState


class _In(BaseModel):
    """An unknown field is an error: a misspelt one would be without effect."""

    model_config = ConfigDict(extra="forbid")


class ReasonOut(BaseModel):
    """`code` is stable, `text` is in the language of the session."""

    code: str
    text: str


class ErrorOut(BaseModel):
    """Every refusal has this form; `reasons` holds all of them where there are several."""

    code: str
    text: str
    params: dict[str, str | int] | None = None
    reasons: list[ReasonOut] | None = None


class Me(BaseModel):
    """`strong`: a second factor or device key was shown."""

    id: str
    kind: str
    name: str
    roles: list[str]
    language: str
    elder: bool
    strong: bool


class RelationshipOut(BaseModel):
    """`told` says what happens next, `reason` why it stands so, where there is a reason."""

    id: str
    visitor: str
    inmate_id: str
    inmate_name: str
    kinship: Kinship
    state: RelationshipState
    told: str
    reason: str


class SlotOut(BaseModel):
    id: str
    starts_at: datetime
    minutes: int
    offered: bool
    reasons: list[ReasonOut]
    exceptions: list[ReasonOut] = []  # what the prison must let pass first; such a time can be asked for


class WhyNotOut(BaseModel):
    """One time with every rule that removes it, and the nearest others that are offered."""

    slot: SlotOut
    nearest: list[SlotOut]


class DayOut(BaseModel):
    """`closed`: why the prison has no visits on that day."""

    date: date
    closed: str | None
    slots: list[SlotOut]


class MonthOut(BaseModel):
    inmate_id: str
    zone: str
    days: list[DayOut]


class BookingOut(BaseModel):
    """`hold_expires_in`: seconds, while the state is `held`."""

    id: str
    reference: str
    state: BookingState
    inmate_id: str
    inmate_name: str
    zone: str
    starts_at: datetime
    minutes: int
    opens_at: datetime
    reply_by: datetime | None
    hold_expires_in: int | None
    visitors: list[str]
    told: str
    reason: str


class HoldIn(_In):
    """`key`: the client's own, new for each pick, so that sending twice picks once."""

    inmate_id: str
    slot_id: str
    key: str = Field(min_length=8, max_length=100)


class RequestIn(_In):
    relationship_ids: list[str] = Field(min_length=1, max_length=10)
    key: str = Field(min_length=8, max_length=100)
    booth_id: str | None = Field(default=None, max_length=40)


class WithdrawIn(_In):
    words: str = Field(default="", max_length=500)
