"""The lawyer's day: plainly what is there for them."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core import clock
from web.duty import Counsel
from web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/counsel")
async def home(request: Request, _who: Counsel) -> Response:
    return render(request, "counsel/home.html", today=clock.now())
