"""Staff: invited, enrolled, signed in with two factors; nothing is told about names, nothing works twice."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from core.db import Database
from core.errors import Conflict, Forbidden, NotFound, Refused, TooMany
from core.ids import SYSTEM
from people import repository, service, sessions
from people.errors import ChallengeWrong, InvitationWrong, SignInFailed
from people.means import Caller, Means
from people.model import Role
from people.service import Pending, SignedIn, StaffForm
from people.tables import RecoveryCodeRow, StaffRow
from tests.conftest import FakeClock
from tests.people.conftest import PRISON, Enrolled, add_staff, caller, enrol_staff, tags


async def password(db: Database, means: Means, who: Caller, username: str, text: str) -> Pending:
    async with db.write() as session:
        return await service.staff_password(session, means, who, username, text)


async def totp(db: Database, means: Means, who: Caller, pending: Pending, code: str) -> SignedIn:
    async with db.write() as session:
        return await service.staff_totp(session, means, who, pending.id, code)


async def recovery(db: Database, means: Means, who: Caller, pending: Pending, code: str) -> SignedIn:
    async with db.write() as session:
        return await service.staff_recovery(session, means, who, pending.id, code)


async def right(db: Database, means: Means, who: Caller, staff: Enrolled) -> Pending:
    return await password(db, means, who, staff.username, staff.password)


async def test_password_and_authenticator_sign_in(db: Database, means: Means, clock: FakeClock) -> None:
    staff, who = await enrol_staff(db, means, clock), caller()
    pending = await password(db, means, who, " QIAN ", staff.password)
    signed = await totp(db, means, who, pending, staff.code())
    assert signed.identity.strong
    assert signed.identity.roles == {Role.MONITOR, Role.APPROVER}
    assert signed.identity.prison_id == PRISON
    assert {"admin:account:created", "officer:account:enrolled", "officer:session:opened"} <= set(
        await tags(db)
    )


async def test_wrong_names_and_wrong_passwords_have_one_answer(
    db: Database, means: Means, clock: FakeClock
) -> None:
    staff = await enrol_staff(db, means, clock)
    await add_staff(db, "unenrolled")
    answers = set()
    for username, text in ((staff.username, "wrong"), ("nobody", "wrong"), ("unenrolled", "wrong"), ("", "")):
        with pytest.raises(SignInFailed) as failed:
            await password(db, means, caller(), username, text)
        answers.add((str(failed.value), failed.value.status, tuple(failed.value.params)))
    assert len(answers) == 1


async def test_a_hash_is_compared_also_for_nobody(
    db: Database, means: Means, monkeypatch: pytest.MonkeyPatch
) -> None:
    from people import passwords

    compared: list[str] = []
    real = passwords._fits

    def watched(kept: str, text: str) -> bool:
        compared.append(kept)
        return real(kept, text)

    monkeypatch.setattr(passwords, "_fits", watched)
    with pytest.raises(SignInFailed):
        await password(db, means, caller(), "nobody", "wrong")
    assert len(compared) == 1
    assert compared[0].startswith("$argon2id$")


async def test_a_time_step_is_never_used_twice(db: Database, means: Means, clock: FakeClock) -> None:
    staff, who = await enrol_staff(db, means, clock), caller()
    code = staff.code()
    await totp(db, means, who, await right(db, means, who, staff), code)
    pending = await right(db, means, who, staff)
    with pytest.raises(SignInFailed):
        await totp(db, means, who, pending, code)
    clock.move(seconds=30)
    assert (await totp(db, means, who, pending, staff.code())).identity.strong
    older = staff.totp.at(int(clock.now().timestamp()) - 30)
    with pytest.raises(SignInFailed):
        await totp(db, means, who, await right(db, means, who, staff), older)


async def test_a_code_used_twice_at_once_signs_in_once(db: Database, means: Means, clock: FakeClock) -> None:
    staff, who = await enrol_staff(db, means, clock), caller()
    pendings = [await right(db, means, who, staff) for _ in range(3)]
    code = staff.code()
    results = await asyncio.gather(
        *(totp(db, means, who, pending, code) for pending in pendings), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in results) == ["SignInFailed", "SignInFailed", "SignedIn"]


@pytest.mark.parametrize(("seconds", "fits"), [(-30, True), (0, True), (30, True), (-60, False), (60, False)])
async def test_clocks_may_be_a_step_off(
    db: Database, means: Means, clock: FakeClock, seconds: int, fits: bool
) -> None:
    staff, who = await enrol_staff(db, means, clock), caller()
    clock.move(minutes=5)
    pending = await right(db, means, who, staff)
    code = staff.totp.at(int(clock.now().timestamp()) + seconds)
    if fits:
        await totp(db, means, who, pending, code)
        return
    with pytest.raises(SignInFailed):
        await totp(db, means, who, pending, code)


async def test_the_second_step_belongs_to_the_browser_of_the_first(
    db: Database, means: Means, clock: FakeClock
) -> None:
    staff, who = await enrol_staff(db, means, clock), caller(binding="mine")
    pending = await right(db, means, who, staff)
    for binding in ("another", ""):
        with pytest.raises(ChallengeWrong):
            await totp(db, means, replace(who, binding=binding), pending, staff.code())
    await totp(db, means, who, pending, staff.code())
    clock.move(seconds=30)
    with pytest.raises(ChallengeWrong):  # and works once
        await totp(db, means, who, pending, staff.code())


async def test_the_second_step_runs_out(db: Database, means: Means, clock: FakeClock) -> None:
    staff, who = await enrol_staff(db, means, clock), caller()
    pending = await right(db, means, who, staff)
    clock.move(minutes=5)
    with pytest.raises(ChallengeWrong):
        await totp(db, means, who, pending, staff.code())


async def test_five_wrong_codes_end_the_second_step(db: Database, means: Means, clock: FakeClock) -> None:
    staff, who = await enrol_staff(db, means, clock), caller()
    pending = await right(db, means, who, staff)
    wrong = "000000" if staff.code() != "000000" else "111111"
    for _ in range(5):
        with pytest.raises(SignInFailed):
            await totp(db, means, who, pending, wrong)
    with pytest.raises(TooMany):
        await totp(db, means, who, pending, staff.code())
    assert (await tags(db)).count("officer:second-factor:failed") == 5
    clock.move(seconds=30)
    await totp(db, means, who, await right(db, means, who, staff), staff.code())


async def test_guessing_elsewhere_never_shuts_out_an_officer(
    db: Database, means: Means, clock: FakeClock
) -> None:
    staff, mine = await enrol_staff(db, means, clock), caller("203.0.113.7")
    await totp(db, means, mine, await right(db, means, mine, staff), staff.code())
    for network in ("192.0.2.1", "203.0.113.7"):  # even behind the prison's own address
        for _ in range(20):
            with pytest.raises((SignInFailed, TooMany)):
                await password(db, means, caller(network), staff.username, "guess")
    clock.move(seconds=30)
    await totp(db, means, mine, await right(db, means, mine, staff), staff.code())


async def test_guessing_ends_where_it_comes_from(db: Database, means: Means, clock: FakeClock) -> None:
    staff, guesser = await enrol_staff(db, means, clock), caller("192.0.2.1")
    for _ in range(10):
        with pytest.raises(SignInFailed):
            await password(db, means, guesser, staff.username, "guess")
    with pytest.raises(TooMany):
        await password(db, means, guesser, staff.username, staff.password)
    await right(db, means, caller("192.0.2.2"), staff)  # a new browser of the owner, elsewhere


async def test_a_recovery_code_works_once(db: Database, means: Means, clock: FakeClock) -> None:
    staff, who = await enrol_staff(db, means, clock), caller()
    assert len(set(staff.recovery)) == 10
    code = staff.recovery[3].upper().replace("-", " ")
    assert (await recovery(db, means, who, await right(db, means, who, staff), code)).identity.strong
    with pytest.raises(SignInFailed):
        await recovery(db, means, who, await right(db, means, who, staff), code)
    async with db.read() as session:
        assert await service.recovery_codes_left(session, staff.id) == 9
        kept = " ".join((await session.scalars(select(RecoveryCodeRow.digest))).all())
    assert not any(one.replace("-", "") in kept for one in staff.recovery)


async def test_new_recovery_codes_replace_the_old(db: Database, means: Means, clock: FakeClock) -> None:
    staff, who = await enrol_staff(db, means, clock), caller()
    signed = await totp(db, means, who, await right(db, means, who, staff), staff.code())
    async with db.write() as session:
        with pytest.raises(Forbidden):
            await service.new_recovery_codes(session, means, replace(signed.identity, strong=False))
        fresh = await service.new_recovery_codes(session, means, signed.identity)
    with pytest.raises(SignInFailed):
        await recovery(db, means, who, await right(db, means, who, staff), staff.recovery[0])
    await recovery(db, means, who, await right(db, means, who, staff), fresh[0])


async def test_an_invitation_works_once_and_three_days(db: Database, means: Means, clock: FakeClock) -> None:
    staff = await enrol_staff(db, means, clock)
    assert staff.id
    async with db.write() as session:
        late = await service.create_staff(session, SYSTEM, StaffForm("sun", "孙丽", "counsel"))
    clock.move(days=3)
    for token in (late.token, "made up", ""):
        with pytest.raises(InvitationWrong):
            async with db.write() as session:
                await service.invitation(session, means, caller(), token)


async def test_enrolment_says_all_that_is_wrong(db: Database, means: Means, clock: FakeClock) -> None:
    async with db.write() as session:
        made = await service.create_staff(session, SYSTEM, StaffForm("sun", "孙丽", "counsel"))
    async with db.write() as session:
        seen = await service.invitation(session, means, caller(), made.token)
        again = await service.invitation(session, means, caller(), made.token)
    assert seen == again  # a reload shows the same seed
    assert seen.totp_secret in seen.totp_uri
    with pytest.raises(Refused) as refused:
        async with db.write() as session:
            await service.accept_invitation(session, means, caller(), made.token, "short", "000")
    assert [reason.code for reason in refused.value.reasons] == ["password-too-short", "code-wrong"]
    async with db.read() as session:
        row = await session.scalar(select(StaffRow))
    assert row is not None
    assert seen.totp_secret.encode() not in (row.totp_sealed or b"")


async def test_a_lost_account_is_invited_anew(db: Database, means: Means, clock: FakeClock) -> None:
    staff, who = await enrol_staff(db, means, clock), caller()
    signed = await totp(db, means, who, await right(db, means, who, staff), staff.code())
    admin = await add_staff(db, "admin", "admin", PRISON)
    async with db.write() as session:
        again = await service.reinvite(session, means, admin, staff.id)
    async with db.read() as session:
        assert await sessions.resume(session, signed.token) is None
    with pytest.raises(SignInFailed):
        await right(db, means, who, staff)
    async with db.write() as session:
        seen = await service.invitation(session, means, who, again.token)
    assert seen.totp_secret != staff.totp.secret


@pytest.mark.parametrize(
    ("form", "problems"),
    [
        (
            StaffForm("", "", "wizard", language="fr"),
            {"name-missing", "username-invalid", "kind-missing", "language-invalid"},
        ),
        (StaffForm("a b", "孙丽", "officer", (), PRISON), {"username-invalid"}),
        (StaffForm("王五wang", "孙丽", "officer", (), PRISON), {"username-invalid"}),
        (StaffForm("sun", "孙丽", "officer"), {"prison_id-missing"}),
        (StaffForm("sun", "孙丽", "officer", ("admin",), PRISON), {"roles-invalid"}),
        (StaffForm("ZHAO", "孙丽", "officer", (), PRISON), {"username-taken"}),
    ],
)
async def test_staff_forms_are_checked(db: Database, form: StaffForm, problems: set[str]) -> None:
    await add_staff(db)
    with pytest.raises(Refused) as refused:
        async with db.write() as session:
            await service.create_staff(session, SYSTEM, form)
    assert {reason.code for reason in refused.value.reasons} == problems


async def test_administrators_keep_to_their_prison(db: Database, means: Means) -> None:
    of_all, of_one = await add_staff(db, "all", "admin", None), await add_staff(db, "one", "admin", PRISON)
    elsewhere, officer = await add_staff(db, "far", prison="prs_two"), await add_staff(db)
    form = StaffForm("new", "周涛", "officer", (), "prs_two")
    async with db.write() as session:
        with pytest.raises(Forbidden):
            await service.invite_staff(session, of_one, form)
        with pytest.raises(Forbidden):  # and make nobody mightier than they are
            await service.invite_staff(session, of_one, StaffForm("boss", "周涛", "admin"))
        with pytest.raises(Forbidden):
            await service.invite_staff(session, officer, form)
        with pytest.raises(Forbidden):
            await service.invite_staff(session, replace(of_all, strong=False), form)
        with pytest.raises(NotFound):
            await service.set_active(session, means, of_one, elsewhere.subject.id, active=False)
        with pytest.raises(Conflict):
            await service.set_active(session, means, of_one, of_one.subject.id, active=False)
        await service.invite_staff(session, of_all, form)
        made = await repository.find_staff(session, "NEW")
        assert made is not None
        assert (made.prison_id, made.enrolled, made.active) == ("prs_two", False, True)
        assert {one.username for one in await repository.staff_of(session, "prs_two")} == {"far", "new"}


async def test_a_shut_account_cannot_go_on(db: Database, means: Means, clock: FakeClock) -> None:
    staff, who = await enrol_staff(db, means, clock), caller()
    pending = await right(db, means, who, staff)
    admin = await add_staff(db, "admin", "admin", None)
    async with db.write() as session:
        await service.set_active(session, means, admin, staff.id, active=False)
    with pytest.raises(ChallengeWrong):
        await totp(db, means, who, pending, staff.code())
    with pytest.raises(SignInFailed):
        await right(db, means, who, staff)
