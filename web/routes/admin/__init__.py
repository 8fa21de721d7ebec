"""The administrator's pages: health, the prison's tables, people, rules, the ledger. No visit is seen here."""

from fastapi import APIRouter

from web.routes.admin import (
    ledger_browser,
    legalaid,
    merges,
    overview,
    own_data,
    places,
    proposing,
    rules,
    security,
    staff,
    template,
    terminals,
    timetable,
    years,
)

router = APIRouter(include_in_schema=False)
for page in (
    overview,
    own_data,
    places,
    merges,
    timetable,
    template,
    terminals,
    staff,
    proposing,
    rules,
    legalaid,
    ledger_browser,
    security,
    years,
):
    router.include_router(page.router)
