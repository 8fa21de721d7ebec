"""What every request may use. Made once per process by `web.app`, never changed afterwards."""

from dataclasses import dataclass

from core.bus import Bus
from core.db import Database
from core.settings import Settings
from people.means import Means
from web.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Services:
    """The process's parts. `db` and `bus` are open for as long as the application lives."""

    settings: Settings
    db: Database
    bus: Bus
    means: Means
    metrics: Metrics
