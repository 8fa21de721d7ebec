"""What the lines of a statement of visits are called."""

from collections.abc import Mapping

from scheduler.allowance import What
from web.i18n import N_

WHATS: Mapping[What, str] = {
    What.EARNED: N_("Visits granted"),
    What.USED: N_("Visits used"),
    What.REFUNDED: N_("Visits given back"),
    What.EXPIRED: N_("Lost, because its time was over"),
    What.ADJUSTED: N_("Changed by the prison"),
}
