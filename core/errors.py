"""The one error tree; each leaf has a stable code and an English sentence that the catalogs translate.

    KinbridgeError
      Malformed     400/422  the message cannot be read
      Unauthorised  401      nobody is signed in, or the proof of it failed
      Forbidden     403      somebody is, but may not
      NotFound      404      it is not there, or not for you (the two look alike)
      Conflict      409      the state has moved on meanwhile
      TooLarge      413
      Refused       422      rules say no; carries *all* the reasons
      TooMany       429      slow down; `retry_after` in seconds
      Unavailable   503      a part is down; try again
      Misconfigured          start-up only

Translation to HTTP happens once, in `web.errors`; to a socket once, in `signaling.endpoint`.
A subclass in another package sets `code` and `text`; parameters fill the `{names}` in the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Reason:
    """One refusal as a value: a stable code, an English sentence with `{names}`, and their values."""

    code: str
    text: str
    params: dict[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text.format(**self.params)


class KinbridgeError(Exception):
    """Root of all errors that a person may be told about."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    text: ClassVar[str] = "Something went wrong on our side. Nothing you entered is lost; please try again."

    def __init__(self, **params: str | int) -> None:
        self.params = params
        super().__init__(f"{self.code}: {self.text.format(**params)}")

    @property
    def reason(self) -> Reason:
        return Reason(self.code, self.text, self.params)


class Malformed(KinbridgeError):
    code = "malformed"
    status = 400
    text = "This request could not be read."


class Unauthorised(KinbridgeError):
    code = "sign-in-needed"
    status = 401
    text = "Please sign in first."


class Forbidden(KinbridgeError):
    code = "forbidden"
    status = 403
    text = "You may not do this."


class NotFound(KinbridgeError):
    code = "not-found"
    status = 404
    text = "We could not find this."


class Conflict(KinbridgeError):
    code = "conflict"
    status = 409
    text = "This has changed in the meantime. Look at its present state and decide again."


class TooLarge(KinbridgeError):
    code = "too-large"
    status = 413
    text = "This is too large."


class TooMany(KinbridgeError):
    code = "too-many"
    status = 429
    text = "Too many tries. Please wait {retry_after} seconds."


class Unavailable(KinbridgeError):
    code = "unavailable"
    status = 503
    text = "This part is not reachable just now. Please try again in a moment."


class Misconfigured(KinbridgeError):
    code = "misconfigured"
    text = "{problem}"


class Refused(KinbridgeError):
    """The rules say no. Carries every reason, collected before anything was written."""

    code = "refused"
    status = 422
    text = "This is not possible."

    def __init__(self, reasons: Sequence[Reason]) -> None:
        self.reasons = tuple(reasons)
        super().__init__()
        self.args = ("; ".join(f"{r.code}: {r}" for r in self.reasons),)
