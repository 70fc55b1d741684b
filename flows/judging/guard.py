"""What holds for every request to the judging page, whatever its path.

A name that is made to point to 127.0.0.1 would count as the page's own origin in a browser (DNS rebinding), so `Host`
must be this server's name; and an `Origin` that is another's is refused before anything is read.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Refuses requests under another name or from another origin, and sets the headers of every response."""

    def __init__(self, inner: ASGIApp, hosts: frozenset[str]) -> None:
        self.inner, self.hosts = inner, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await (self._refusal(scope) or self.inner)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        request = Request(scope)
        named = request.headers.getlist("host")
        if len(named) != 1 or named[0] not in self.hosts:
            return PlainTextResponse("this server answers under its own name only", 421)
        origin = request.headers.get("origin")
        if origin is not None and origin not in {f"http://{host}" for host in self.hosts}:
            return PlainTextResponse("from another site", 403)
        return None
