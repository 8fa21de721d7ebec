"""Who is at the door: worked out once per request, before any page, for error pages as well."""

from dataclasses import dataclass, replace

from starlette.requests import HTTPConnection

from core.ids import Ref
from people import sessions
from people.model import Identity, Role
from web import i18n, security
from web.services import Services


@dataclass(frozen=True, slots=True)
class Visitor:
    """The reader of the answer. `who` is `None` for a stranger."""

    who: Identity | None
    language: i18n.Language
    elder: bool

    @property
    def subject(self) -> Ref:
        """Whom the ledger names; a stranger has no id."""
        return self.who.subject if self.who else Ref("stranger", "unknown")


async def arrive(connection: HTTPConnection, services: Services) -> Visitor:
    """Reads the cookies; asks the database only where there is a session cookie."""
    cookies = security.Cookies(services.settings)
    chosen = cookies.read(connection, security.LANGUAGE_COOKIE)
    visitor = Visitor(None, i18n.language_of(chosen), cookies.read(connection, security.ELDER_COOKIE) == "1")
    token = cookies.read(connection, security.SESSION_COOKIE)
    if token is None:
        return visitor
    async with services.db.read() as session:
        who = await sessions.resume(session, token)
    if who is None:
        return visitor
    if Role.RELATIVE in who.roles:  # their account remembers, on every device
        return replace(visitor, who=who, language=i18n.language_of(who.language), elder=who.elder)
    return replace(visitor, who=who, language=i18n.language_of(chosen or who.language))
