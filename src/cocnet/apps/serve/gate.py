"""Who is let in: the right Host, the right Origin, the token where others can reach the server.

Enters: requests. Leaves: the same, or 403. A page of another site can't read or change anything here, whatever name
it gives this computer (DNS rebinding); cookies are SameSite=Strict.
"""

import hmac
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from cocnet.apps.serve.settings import LOOPBACK

TOKEN_COOKIE = "cocnet_token"
HEADERS = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Gate:
    """An ASGI application in front of another. token: None where only this computer can reach it."""

    def __init__(self, app: Asgi, token: str | None) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reason = self._refusal(scope)
        if reason is not None:
            await _answer(send, 403, reason)
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        cookie = f"{TOKEN_COOKIE}={given[0]}; HttpOnly; SameSite=Strict; Path=/" if given else None

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                extra = [(b"set-cookie", cookie.encode("latin-1"))] if cookie and self._token else []
                message = {**message, "headers": [*message["headers"], *HEADERS, *extra]}
            await send(message)

        await self._app(scope, receive, with_headers)

    def _refusal(self, scope: Any) -> str | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._token is None and _name(host) not in LOOPBACK:
            return f"expected this computer's own name, got '{host}', try http://127.0.0.1"
        if origin is not None and origin.partition("://")[2] != host:
            return f"expected a request of this page, got one of '{origin}', try opening the page itself"
        if headers.get("sec-fetch-site", "none") in ("cross-site", "same-site") and scope["path"] != "/":
            return "expected a request of this page, got one of another site, try opening the page itself"
        if self._token is None or self._knows(scope, headers):
            return None
        return "expected the token of the URL, got none or another, try the URL that the server printed"

    def _knows(self, scope: Any, headers: dict[str, str]) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        cookies = SimpleCookie(headers.get("cookie", ""))
        if TOKEN_COOKIE in cookies:
            given.append(cookies[TOKEN_COOKIE].value)
        return any(hmac.compare_digest(one.encode(), str(self._token).encode()) for one in given)


def _name(host: str) -> str:
    """A Host header without its port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] or host


async def _answer(send: Any, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
