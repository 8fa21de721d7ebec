"""What the use cases of legal aid need besides a database session."""

from dataclasses import dataclass

from core.box import Box
from core.limits import Limiter


@dataclass(frozen=True, slots=True)
class LegalMeans:
    """`texts` seals questions and advice, each under its own id; `pins` counts tries of personal codes."""

    texts: Box
    limiter: Limiter

    @classmethod
    def of(cls, secret: str, limiter: Limiter) -> "LegalMeans":
        return cls(Box(secret, "legal-text"), limiter)
