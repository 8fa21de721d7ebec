"""Registration of relatives, minors in their care, and their settings."""

import pytest
from sqlalchemy import select

from core.db import Database
from core.errors import Forbidden, Refused
from core.ids import SYSTEM, Ref
from ledger import read as ledger_read
from notices import outbox
from people import repository, service, sessions
from people.errors import AlreadyRegistered, RegistrationLapsed, SignInFailed
from people.means import Caller, Means
from people.model import DocumentKind
from people.service import MinorForm, RegisterTicket, RegistrationForm, SignedIn
from people.tables import RelativeRow
from tests.conftest import FakeClock
from tests.people.conftest import (
    PHONE,
    add_relative,
    add_staff,
    caller,
    identity,
    last_code,
    registration,
    resident_number,
    tags,
)

CHILD = MinorForm("小明", "2016-05-04", "resident", resident_number("2016-05-04"), consent=True)


async def ticket_for(db: Database, means: Means, who: Caller, phone: str = PHONE) -> RegisterTicket:
    async with db.write() as session:
        asked = await service.ask_code(session, means, who, phone)
    async with db.write() as session:
        ticket = await service.redeem_code(session, means, who, asked.id, await last_code(db, asked.id))
    assert isinstance(ticket, RegisterTicket)
    return ticket


async def registered(
    db: Database, means: Means, who: Caller, ticket: str, form: RegistrationForm
) -> SignedIn:
    async with db.write() as session:
        return await service.register(session, means, who, ticket, form)


def problems(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {reason.code for reason in refused.value.reasons}


async def test_registration_makes_the_account_and_signs_in(db: Database, means: Means) -> None:
    who = caller()
    ticket = await ticket_for(db, means, who)
    signed = await registered(db, means, who, ticket.ticket, registration(elder=True, language="en"))
    assert (signed.identity.name, signed.identity.elder, signed.identity.language) == ("王秀英", True, "en")
    async with db.read() as session:
        relative = await repository.relative(session, signed.identity.subject.id)
        told = (await outbox.of(session, signed.identity.subject))[0]
    assert relative is not None
    assert (relative.phone, relative.document[:8]) == ("138****8000", "1101****")
    assert (told.template, told.language) == ("welcome", "en")
    assert {"family:account:registered", "family:consent:given"} <= set(await tags(db))


async def test_the_document_is_sealed_and_no_detail_reaches_the_ledger(db: Database, means: Means) -> None:
    who = caller()
    ticket = await ticket_for(db, means, who)
    signed = await registered(db, means, who, ticket.ticket, registration())
    number = registration().document
    async with db.read() as session:
        row = await session.get(RelativeRow, signed.identity.subject.id)
        entries = await ledger_read.latest(session)
    assert row is not None
    assert number.encode() not in row.document_sealed
    assert number not in row.document_index + row.document_hint
    assert means.documents.open(row.document_sealed, row.id).decode() == number
    for entry in entries:
        assert number not in entry.details
        assert "王秀英" not in entry.details
        assert "13800138000" not in entry.details


async def test_everything_wrong_is_said_together(db: Database, means: Means) -> None:
    who = caller()
    ticket = await ticket_for(db, means, who)
    form = RegistrationForm(" ", "31.01.1980", "resident", "123", "fr", password="12345678")
    with pytest.raises(Refused) as refused:
        await registered(db, means, who, ticket.ticket, form)
    assert problems(refused) == {
        "name-missing",
        "born-invalid",
        "document-invalid",
        "language-invalid",
        "password-weak",
        "consent-missing",
    }
    fields = {str(reason.params["field"]) for reason in refused.value.reasons}
    assert fields == {"name", "born", "document", "language", "password", "consent"}
    await registered(db, means, who, ticket.ticket, registration())  # the ticket was not spent


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "x" * 61}, "name-too-long"),
        ({"born": ""}, "born-missing"),
        ({"born": "2027-01-01"}, "born-invalid"),
        ({"born": "1980-01-30"}, "document-birth-differs"),
        ({"document": ""}, "document-missing"),
        ({"document_kind": "library-card"}, "document_kind-missing"),
        ({"password": "short"}, "password-too-short"),
        ({"password": "王秀英王秀英王秀英王"}, "password-weak"),
        ({"password": "aaaaaaaaaaaa"}, "password-weak"),
        ({"password": "hgfedcba"}, "password-weak"),
        ({"born": "2008-11-22", "document": resident_number("2008-11-22")}, "born-minor"),
    ],
)
async def test_each_field_is_checked(
    db: Database, means: Means, changes: dict[str, str], problem: str
) -> None:
    with pytest.raises(Refused) as refused:
        await add_relative(db, means, **changes)
    assert problems(refused) == {problem}


async def test_of_age_on_the_eighteenth_birthday(db: Database, means: Means) -> None:
    await add_relative(db, means, born="2008-11-21", document=resident_number("2008-11-21"))


async def test_the_ticket_works_once_and_half_an_hour(db: Database, means: Means, clock: FakeClock) -> None:
    who = caller()
    ticket = await ticket_for(db, means, who)
    await registered(db, means, who, ticket.ticket, registration())
    with pytest.raises(RegistrationLapsed):
        await registered(db, means, who, ticket.ticket, registration())
    late = await ticket_for(db, means, who, "13900139000")
    clock.move(minutes=30)
    with pytest.raises(RegistrationLapsed):
        await registered(db, means, who, late.ticket, registration())
    with pytest.raises(RegistrationLapsed):
        await registered(db, means, who, "made up", registration())


async def test_one_document_one_account(db: Database, means: Means) -> None:
    await add_relative(db, means)
    with pytest.raises(AlreadyRegistered):
        await add_relative(db, means, "13900139000")
    with pytest.raises(AlreadyRegistered):
        await add_relative(db, means, PHONE, document_kind=DocumentKind.PASSPORT, document="E12345678")


async def test_renewed_permits_are_the_same_document(db: Database, means: Means) -> None:
    permit = {"document_kind": DocumentKind.HK_MACAO, "document": "H1234567801"}
    await add_relative(db, means, "+85291234567", **permit)
    with pytest.raises(AlreadyRegistered):
        await add_relative(db, means, PHONE, **{**permit, "document": "H1234567802"})


async def test_a_childs_guardian_consents(db: Database, means: Means) -> None:
    guardian = await identity(db, Ref("relative", (await add_relative(db, means)).id))
    with pytest.raises(Refused) as refused:
        async with db.write() as session:
            await service.add_minor(
                session,
                means,
                guardian,
                MinorForm(CHILD.name, CHILD.born, CHILD.document_kind, CHILD.document),
            )
    assert problems(refused) == {"consent-missing"}
    async with db.write() as session:
        child = await service.add_minor(session, means, guardian, CHILD)
    async with db.read() as session:
        row = await session.get(RelativeRow, child.id)
        assert [one.id for one in await repository.minors_of(session, guardian.subject.id)] == [child.id]
    assert row is not None
    assert row.consent_at is not None
    assert child.guardian_id == guardian.subject.id
    assert (await tags(db))[-2:] == ["family:minor:added", "family:consent:given"]


async def test_two_minors_in_one_account(db: Database, means: Means) -> None:
    """Neither has a telephone; that does not make them one person."""
    guardian = await identity(db, Ref("relative", (await add_relative(db, means)).id))
    second = MinorForm("小红", "2012-02-29", "passport", "E87654321", consent=True)
    async with db.write() as session:
        await service.add_minor(session, means, guardian, CHILD)
        await service.add_minor(session, means, guardian, second)
    with pytest.raises(AlreadyRegistered):
        async with db.write() as session:
            await service.add_minor(session, means, guardian, CHILD)


async def test_from_fourteen_on_no_consent_is_asked_and_adults_are_no_minors(
    db: Database, means: Means
) -> None:
    guardian = await identity(db, Ref("relative", (await add_relative(db, means)).id))
    async with db.write() as session:
        await service.add_minor(
            session, means, guardian, MinorForm("小红", "2012-11-21", "passport", "E87654321")
        )
    with pytest.raises(Refused) as refused:
        async with db.write() as session:
            await service.add_minor(
                session, means, guardian, MinorForm("大明", "2008-11-21", "passport", "E11111111")
            )
    assert problems(refused) == {"born-adult"}


async def test_officers_add_no_minors(db: Database, means: Means) -> None:
    officer = await add_staff(db)
    with pytest.raises(Forbidden):
        async with db.write() as session:
            await service.add_minor(session, means, officer, CHILD)


async def test_language_and_elder_mode(db: Database, means: Means) -> None:
    relative = await add_relative(db, means)
    who = await identity(db, Ref("relative", relative.id))
    async with db.write() as session:
        await service.set_language(session, who, "en")
        await service.set_elder(session, who, elder=True)
        with pytest.raises(Refused):
            await service.set_language(session, who, "tlh")
    again = await identity(db, Ref("relative", relative.id))
    assert (again.language, again.elder) == ("en", True)


async def test_a_new_password_ends_the_other_sessions(db: Database, means: Means) -> None:
    relative = await add_relative(db, means, password="right and proper 8")
    subject = Ref("relative", relative.id)
    here, _elsewhere = await identity(db, subject), await identity(db, subject)
    async with db.write() as session:
        with pytest.raises(SignInFailed):
            await service.set_password(session, means, here, caller(), old="wrong", new="quite another 9")
    async with db.write() as session:
        await service.set_password(
            session, means, here, caller(), old="right and proper 8", new="quite another 9"
        )
        assert [one.id for one in await sessions.of(session, subject)] == [here.session_id]
        await service.set_password(session, means, here, caller(), old="quite another 9", new="")
        assert await session.scalar(select(RelativeRow.password_hash)) is None


async def test_a_desk_enters_the_number_right(db: Database, means: Means) -> None:
    with pytest.raises(Refused) as refused:
        async with db.write() as session:
            await service.create_relative(session, means, SYSTEM, "110", registration())
    assert problems(refused) == {"phone-invalid"}
