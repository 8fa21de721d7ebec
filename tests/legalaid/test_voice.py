"""Spoken questions, and questions by another's hand: what is taken, and who hears or reads it."""

from dataclasses import replace

import pytest

from core.errors import Forbidden, NotFound, Refused
from ledger import read
from legalaid import reading, service, voice
from legalaid.forms import QuestionForm, Voice
from legalaid.model import AtDesk, QuestionView
from legalaid.tables import VoiceRow
from people.model import Role
from tests.legalaid.place import Place, form
from tests.legalaid.spoken import recording
from tests.scheduler.world import identity


@pytest.mark.parametrize(
    ("container", "codec", "media_type"),
    [("webm", "libopus", "audio/webm"), ("ogg", "libopus", "audio/ogg"), ("mp4", "aac", "audio/mp4")],
)
async def test_what_browsers_record_is_taken(container: str, codec: str, media_type: str) -> None:
    found = await voice.checked(recording(2, container, codec))
    assert found.media_type == media_type
    assert found.seconds in (2, 3)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"hello", "voice-unreadable"),
        (b"\x1a\x45\xdf\xa3" + bytes(500), "voice-unreadable"),
        (recording(1, picture=True), "voice-unreadable"),
        (recording(1, "wav", "pcm_s16le"), "voice-unreadable"),
        (recording(1)[:200], "voice-unreadable"),
        (recording(voice.SECONDS_MAX + 2), "voice-too-large"),
        (bytes(voice.BYTES_MAX + 1), "voice-too-large"),
    ],
    ids=["text", "empty", "picture", "wav", "cut", "long", "large"],
)
async def test_everything_else_is_refused_in_words(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await voice.checked(data)
    assert refused.value.reasons[0].code == code


SPOKEN = Voice(b"the sound of somebody", "audio/webm", 12)


async def spoken(here: Place, desk: AtDesk, **more: str) -> QuestionView:
    async with here.db.write() as session:
        asked: QuestionForm = replace(form(words="", **more), voice=SPOKEN)
        return await service.by_inmate(session, here.means, desk, asked)


async def test_only_the_lawyer_hears_it_and_each_hearing_is_entered(here: Place) -> None:
    inmate = await here.inmate()
    question = await spoken(here, inmate)
    async with here.db.write() as session:
        assert await reading.voice(session, here.means, here.sun, question.id) == SPOKEN
        assert await reading.voice_seconds(session, question.id) == 12
        sealed = (await session.get_one(VoiceRow, question.id)).sealed
    assert SPOKEN.data not in sealed
    async with here.db.read() as session:
        entries = await read.latest(session, limit=5)
    assert "counsel:voice:heard" in {entry.tag for entry in entries}
    family = await here.relative(inmate.inmate_id)
    officer = identity("officer", "off_1", Role.MONITOR, prison_id=here.world.prison_id)
    for actor, error in ((here.admin, Forbidden), (officer, Forbidden), (family.actor, NotFound)):
        with pytest.raises(error):
            async with here.db.write() as session:
                await reading.voice(session, here.means, actor, question.id)
    written = await here.ask(inmate)
    with pytest.raises(NotFound):
        async with here.db.write() as session:
            await reading.voice(session, here.means, here.sun, written.id)


async def test_the_question_says_whose_hand_it_was_and_the_officer_reads_nothing(here: Place) -> None:
    inmate = await here.inmate()
    question = await here.ask(inmate, hand="officer")
    assert question.hand == "officer"
    officer = identity("officer", "off_1", Role.MONITOR, Role.APPROVER, prison_id=here.world.prison_id)
    with pytest.raises(Forbidden):
        async with here.db.write() as session:
            await reading.words(session, here.means, officer, question.id)
    with pytest.raises(Refused):
        await here.ask(inmate, hand="warden")
    assert (await here.ask(inmate)).hand == ""
