"""The judging page of one rater, on loopback.

One event loop takes every request in turn, so two tabs cannot interleave. Starlette and uvicorn rather than the
standard library's server: they parse HTTP as servers on the network have to, and Prefect and MLflow bring them anyway.

The socket is bound to 127.0.0.1, but other users of the machine reach it there, and so do pages of other sites that a
rater has open. So every answer needs a token that is new at each start, in a header that no form can set; `guard` keeps
other origins out. No part of a request becomes a path: there are six routes.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

import uvicorn
from jinja2 import Environment, StrictUndefined
from pydantic import Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from data.config import Config
from flows.judging.guard import Guard
from flows.judging.journal import Journal, OutOfTurnError
from flows.judging.sheet import ANSWERS, Ratings
from flows.judging.wording import LANGUAGE_TAGS, WORDS

HOST = "127.0.0.1"
TOKEN_HEADER = "X-Judging-Token"
MAX_BODY_BYTES = 4096
"""An answer takes some hundred."""

_Body = TypeVar("_Body", bound=Config)


class _Given(Config):
    """Body of `answer`."""

    question: int = Field(ge=0, strict=True)
    answer: dict[str, Any]


class _Undo(Config):
    """Body of `undo`."""

    answered: int = Field(ge=1, strict=True)


def serve(journal: Journal, rater: str, language: str, port: int, started: Callable[[str], None]) -> None:
    """Serves the page until it is interrupted.

    Args:
        journal: opened for writing.
        rater: as the page shows the name.
        language: of the page, in `WORDS`.
        port: 0: any that is free.
        started: is told the address, token included, as soon as the socket listens.

    Raises:
        OSError: the port is taken.
    """
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            raise OSError(f"port {port} of {HOST}: {error.strerror}; name another, or leave --port out") from error
        listening.listen()
        token, port = secrets.token_urlsafe(24), listening.getsockname()[1]
        config = uvicorn.Config(
            application(journal, rater, language, token, port),
            access_log=False,
            lifespan="off",
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            ws="none",
        )
        started(f"http://{HOST}:{port}/?token={token}")
        try:
            asyncio.run(uvicorn.Server(config).serve([listening]))
        except KeyboardInterrupt:
            return


def application(journal: Journal, rater: str, language: str, token: str, port: int) -> ASGIApp:
    """The six routes behind the checks that hold for all of them."""
    pages = _Pages(journal, rater, language, token)
    routes = [
        Route("/", pages.page),
        Route("/page.js", pages.script),
        Route("/page.css", pages.style),
        Route("/state", pages.state),
        Route("/answer", pages.answer, methods=["POST"]),
        Route("/undo", pages.undo, methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes), frozenset({f"{HOST}:{port}", f"localhost:{port}"}))


class _Pages:
    """What each route answers."""

    def __init__(self, journal: Journal, rater: str, language: str, token: str) -> None:
        self.journal, self.rater, self.language, self.token = journal, rater, language, token

    async def page(self, request: Request) -> Response:
        self._check(request.query_params.get("token", ""))
        shown = _template("page.html").render(
            words=WORDS[self.language],
            tag=LANGUAGE_TAGS[self.language],
            criteria=list(Ratings.model_fields),
            token=self.token,
            sheet=self.journal.sheet.id,
            rater=self.rater,
        )
        return Response(shown, media_type="text/html")

    async def script(self, request: Request) -> Response:
        return Response(_part("page.js"), media_type="text/javascript")

    async def style(self, request: Request) -> Response:
        return Response(_part("page.css"), media_type="text/css")

    async def state(self, request: Request) -> Response:
        self._check(request.headers.get(TOKEN_HEADER, ""))
        return self._now()

    async def answer(self, request: Request) -> Response:
        given = await self._body(request, _Given)
        questions = self.journal.sheet.questions
        if given.question >= len(questions):
            raise HTTPException(404, f"question {given.question}: there are {len(questions)}, counted from 0")
        if given.question != self.journal.current:
            return self._now(409)
        try:
            answer = ANSWERS[questions[given.question].kind].model_validate(given.answer)
        except ValidationError as error:
            raise HTTPException(422, _problems(error)) from None
        self.journal.answer(given.question, answer)
        return self._now()

    async def undo(self, request: Request) -> Response:
        given = await self._body(request, _Undo)
        try:
            self.journal.undo(given.answered)
        except OutOfTurnError:
            return self._now(409)
        return self._now()

    def _now(self, status: int = 200) -> Response:
        """Where the rater is: the only thing that ever leaves of the sheet, and no system's name is in it."""
        sheet, number = self.journal.sheet, self.journal.current
        shown = None
        if number is not None:
            question = sheet.questions[number]
            item = sheet.item(question)
            shown = {
                "number": number,
                "kind": question.kind,
                "input": item.input,
                "reference": item.reference if sheet.shows_references else "",
                "texts": [item.texts[system] for system in question.systems],
            }
        content = {
            "answered": len(self.journal.answers),
            "total": len(sheet.questions),
            "language": LANGUAGE_TAGS.get(sheet.language, sheet.language),
            "target_language": LANGUAGE_TAGS.get(sheet.target_language, sheet.target_language),
            "question": shown,
        }
        return JSONResponse(content, status)

    def _check(self, token: str) -> None:
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            raise HTTPException(403, "the token is not this server's: open the address that it printed when it started")

    async def _body(self, request: Request, kind: type[_Body]) -> _Body:
        self._check(request.headers.get(TOKEN_HEADER, ""))
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise HTTPException(415, "send JSON")
        body = b""
        async for part in request.stream():  # a length that is announced may be wrong, or missing
            body += part
            if len(body) > MAX_BODY_BYTES:
                raise HTTPException(413, f"an answer has at most {MAX_BODY_BYTES} bytes")
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            raise HTTPException(422, _problems(error)) from None


def _problems(error: ValidationError) -> str:
    """Place and fault of each; what was sent is not sent back."""
    return "; ".join(
        f"{'.'.join(str(part) for part in detail['loc']) or 'body'}: {detail['msg']}" for detail in error.errors()
    )


@cache
def _part(name: str) -> str:
    return files("flows.judging").joinpath("page", name).read_text(encoding="utf-8")


@cache
def _template(name: str) -> Any:
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(_part(name))
