"""Accounts of relatives: registration, the minors in their care, and their own settings."""

from datetime import date

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import Forbidden, NotFound
from core.ids import Ref, new_id
from ledger.record import record
from people import codes, documents, forms, gate, letters, passwords, phones, sessions
from people.errors import AlreadyRegistered, SignInFailed
from people.forms import MinorForm, Person, RegistrationForm
from people.means import Caller, Means
from people.model import CONSENT_AGE, Identity, Language, Relative, Role
from people.repository import as_relative
from people.signed_in import SignedIn, sign_in
from people.tables import RelativeRow

CONSENT_VERSION = "2026-1"  # of the text beside the consent box; a new text is a new version
_MINORS_MAX = 10


def _today() -> date:
    """The date in UTC: at most hours behind the family's, so nobody counts as of age too early."""
    return clock.now().date()


async def register(
    session: Session, means: Means, caller: Caller, ticket: str, form: RegistrationForm
) -> SignedIn:
    """Makes the account whose telephone the ticket proves, and signs in.

    Raises `Refused` with every field's problem, `RegistrationLapsed`, `AlreadyRegistered`.
    """
    await gate.anonymous_try(means, caller, "register")
    person = forms.read_registration(form, _today())
    phone = await codes.take_ticket(session, ticket)
    row = await _add(session, means, person, phone=phone, language=form.language, elder=form.elder)
    row.password_hash = await passwords.hashed(form.password) if form.password else None
    await session.flush()
    ref = Ref("relative", row.id)
    record(session, "family:account:registered", actor=ref, subject=ref, document=person.kind)
    record(
        session, "family:consent:given", actor=ref, subject=ref, purpose="account", version=CONSENT_VERSION
    )
    signed = await sign_in(session, caller, ref, strong=False)
    await letters.tell(session, row.id, "welcome", {})
    return signed


async def create_relative(
    session: Session, means: Means, by: Ref, phone: str, form: RegistrationForm
) -> Relative:
    """An account made at a desk, with the person present (or a demonstration's). Raises as `register`."""
    person = forms.read_registration(form, _today())
    number = phones.normalised(phone)
    forms.raise_all([] if number else [forms.reason("phone", "invalid", "This is not a telephone number.")])
    row = await _add(session, means, person, phone=number, language=form.language, elder=form.elder)
    row.password_hash = await passwords.hashed(form.password) if form.password else None
    await session.flush()
    ref = Ref("relative", row.id)
    record(session, "admin:account:registered", actor=by, subject=ref, document=person.kind)
    return as_relative(row)


async def _add(
    session: Session,
    means: Means,
    person: Person,
    *,
    phone: str | None,
    language: str,
    elder: bool = False,
    guardian_id: str | None = None,
) -> RelativeRow:
    index = means.documents.index(documents.identity_key(person.kind, person.document))
    taken = RelativeRow.document_index == index
    if phone is not None:  # minors have none, and two Nones are not the same telephone
        taken |= RelativeRow.phone == phone
    if await session.scalar(select(RelativeRow.id).where(taken).limit(1)) is not None:
        raise AlreadyRegistered
    new = new_id("rel")
    row = RelativeRow(
        id=new,
        name=person.name,
        phone=phone,
        born=person.born,
        document_kind=person.kind,
        document_sealed=means.documents.seal(person.document.encode(), new),
        document_index=index,
        document_hint=documents.masked(person.document),
        language=language,
        elder=elder,
        guardian_id=guardian_id,
        consent_at=None,
        password_hash=None,
        created_at=clock.now(),
    )
    session.add(row)
    return row


async def _own(session: Session, actor: Identity) -> RelativeRow:
    if Role.RELATIVE not in actor.roles:
        raise Forbidden
    row = await session.get(RelativeRow, actor.subject.id)
    if row is None:
        raise NotFound
    return row


async def add_minor(session: Session, means: Means, actor: Identity, form: MinorForm) -> Relative:
    """A minor in the actor's account. Under 14 the guardian's consent is kept (PIPL art. 31).

    Raises `Refused` with every field's problem, `AlreadyRegistered`.
    """
    guardian = await _own(session, actor)
    person = forms.read_minor(form, _today())
    await means.limiter.hit(f"minor:{guardian.id}", _MINORS_MAX, 86400)
    row = await _add(session, means, person, phone=None, language=guardian.language, guardian_id=guardian.id)
    child = Ref("relative", row.id)
    record(session, "family:minor:added", actor=actor.subject, subject=child)
    if forms.age(person.born, _today()) < CONSENT_AGE:
        row.consent_at = clock.now()
        record(
            session,
            "family:consent:given",
            actor=actor.subject,
            subject=child,
            purpose="child",
            version=CONSENT_VERSION,
        )
    await session.flush()
    return as_relative(row)


async def set_language(session: Session, actor: Identity, language: str) -> None:
    """Of a relative's account. Raises `Refused` for a language that there is not."""
    if language not in set(Language):
        forms.raise_all([forms.reason("language", "invalid", "Please choose a language.")])
    (await _own(session, actor)).language = language


async def set_elder(session: Session, actor: Identity, elder: bool) -> None:
    (await _own(session, actor)).elder = elder


async def set_password(
    session: Session, means: Means, actor: Identity, caller: Caller, *, old: str, new: str
) -> None:
    """Sets, changes or (`new` empty) removes the password; ends all other sessions.

    `old` is needed where there is a password. Raises `SignInFailed`, `Refused`, `TooMany`.
    """
    row = await _own(session, actor)
    await gate.password_try(session, means, caller, f"change:{row.id}", row.id)
    if row.password_hash is not None and not await passwords.fits(row.password_hash, old):
        raise SignInFailed
    if new:
        forms.raise_all(forms.password_problems(new, forms.PASSWORD_MIN, row.name))
    row.password_hash = await passwords.hashed(new) if new else None
    await sessions.revoke_all(session, actor.subject, actor.subject, bus=means.bus, but=actor.session_id)
    record(session, "family:password:changed", actor=actor.subject, subject=actor.subject, removed=not new)
