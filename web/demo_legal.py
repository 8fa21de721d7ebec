"""Legal aid in the demonstration: the desks and who is above them, help days, and the directory of a city."""

from datetime import time

from core.db import Session
from core.ids import SYSTEM
from legalaid import cities, directory, service, setup
from legalaid.setup import TemplateForm
from legalaid.wording import TOPICS

# (key, name, kind, level, the desk above)
_DESKS = (
    ("discipline", "纪检监察室", "discipline", "", ""),
    ("above", "市督查室", "superior", "", "discipline"),
    ("bureau", "市司法局", "bureau", "city", "above"),
    ("centre", "市法律援助中心", "centre", "city", "above"),
    ("station", "驻监法律援助工作站", "station", "", "above"),
    ("county", "云台县法律援助工作站", "station", "county", "above"),
    ("welfare", "市民政局", "welfare", "city", "above"),
    ("town", "云台县民政局", "welfare", "county", "welfare"),
    ("office", "会见审批岗", "office", "", "above"),
    ("mediation", "驻监人民调解室", "mediation", "", "above"),
    ("counselling", "心理辅导站", "counselling", "", "above"),
)


async def arrange(session: Session, prison: str, counsel: str, clerk: str) -> None:
    """The lawyer answers at the station; the clerk decides at the centre, the bureau and both welfare desks."""
    made: dict[str, str] = {}
    for number, (key, name, kind, tier, above) in enumerate(_DESKS, 1):
        phone = f"0551 10{number:02}"
        made[key] = await service.create_desk(
            session, SYSTEM, prison, name, kind, phone, made.get(above), tier
        )
    await service.add_lawyer(session, SYSTEM, counsel, made["station"], tuple(TOPICS), ("zh", "en"))
    for key in ("bureau", "centre", "welfare", "town", "mediation", "counselling"):
        await setup.seat_at_desk(session, SYSTEM, clerk, made[key])
    for weekday in range(1, 8):  # every day, so that there is always one to plan
        form = TemplateForm(weekday, time(8), 840, 2, 15, (counsel,))
        await service.create_template(session, SYSTEM, made["station"], form)
    await directory.import_csv(session, SYSTEM, cities.demonstration(), whole=True)
