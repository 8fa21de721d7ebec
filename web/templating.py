"""Pages from templates: one environment per language, so that `_` needs no context and macros speak too.

In templates: `_("Hello {name}", name=…)`, `ngettext("{n} place", "{n} places", n)`, `say(reason)`,
`static("css/base.css")`, `csrf()`; filters `|day(zone)`, `|time(zone)`, `|when(zone)`, `|ms`. Values are
escaped by Jinja, translations included; an undefined name is an error.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, RedirectResponse

from core.errors import Reason
from web import i18n, security, wording
from web.visitor import Visitor

if TYPE_CHECKING:
    from web.services import Services
    from web.static_files import HashedFiles

TEMPLATE_DIR = Path(__file__).parent / "templates"
_STRANGER = Visitor(None, i18n.DEFAULT, elder=False)


@cache
def environment(language: str) -> Environment:
    """The templates in one language."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATE_DIR),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        _=_gettext(language),
        ngettext=_ngettext(language),
        say=lambda reason: wording.say(language, reason),
        language=language,
        html_lang=i18n.HTML_LANGS[language],
    )
    made.filters.update(wording.filters(language))
    made.filters["translated"] = lambda pairs: [(key, i18n.translate(language, text)) for key, text in pairs]
    return made


def _gettext(language: str) -> Callable[..., str]:
    def _(english: str, **params: object) -> str:
        """A moment that stands in a sentence stays an element (`<time>`); everything else is escaped as ever."""
        if any(isinstance(value, Markup) for value in params.values()):
            return escape(i18n.translate(language, english)).format(**params)
        return i18n.translate(language, english, params)

    return _


def _ngettext(language: str) -> Callable[..., str]:
    def ngettext(singular: str, plural: str, number: int, **params: object) -> str:
        return i18n.translate_plural(language, singular, plural, number, params)

    return ngettext


class Fields(dict[str, Any]):
    """A form's values or errors: a field that is not there is empty, everything else stays strict."""

    def __missing__(self, _key: str) -> str:
        return ""


def render(
    request: Request, name: str, *, status: int = 200, keep: bool = False, **context: Any
) -> HTMLResponse:
    """A page for the one who asks, in their language.

    A browser without one is given the cookie that a stranger's tokens and sign-in steps are bound to.
    `keep`: the browser may keep the page, with what was typed into it, for its way back; for long forms.
    Signing out clears it (`Clear-Site-Data`).
    """
    services: Services = request.app.state.services
    static: HashedFiles = request.app.state.static
    visitor: Visitor = getattr(request.state, "visitor", _STRANGER)
    cookies = security.Cookies(services.settings)
    planted = None if cookies.read(request, security.STRANGER_COOKIE) else security.new_seed()
    seed = security.seed_of(services.settings, request) or planted or ""
    token = security.csrf_token(services.settings, seed)
    context.update({name: Fields(context[name]) for name in ("errors", "values") if name in context})
    text = (
        environment(visitor.language)
        .get_template(name)
        .render(
            request=request,
            path=request.url.path,
            here=_here(request),
            who=visitor.who,
            elder=visitor.elder,
            help_phone=services.settings.help_phone,
            demo=services.settings.mode == "demo",
            static=static.url,
            csrf_token=token,
            csrf=lambda: Markup('<input type="hidden" name="csrf" value="{}">').format(token),
            **context,
        )
    )
    response = HTMLResponse(text, status_code=status)
    if keep:
        response.headers["cache-control"] = "private, no-cache"
    if planted:
        cookies.write(response, security.STRANGER_COOKIE, planted)
    return response


def _here(request: Request) -> str:
    """Where a change of language comes back to: this page, if it can be asked for again."""
    if request.method not in security.SAFE_METHODS:
        return "/"
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def redirect(path: str) -> RedirectResponse:
    """See-other: after a form was taken, the browser gets a page that can be reloaded."""
    return RedirectResponse(path, status_code=303)


def translated(request: Request, english: str) -> str:
    """A marked sentence in the language of whoever asks."""
    visitor: Visitor = getattr(request.state, "visitor", _STRANGER)
    return i18n.translate(visitor.language, english)


def sentence(request: Request, reason: Reason) -> str:
    """A reason in the language of whoever asks."""
    visitor: Visitor = getattr(request.state, "visitor", _STRANGER)
    return wording.say(visitor.language, reason)
