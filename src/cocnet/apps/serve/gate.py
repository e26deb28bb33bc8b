"""Who is let in: the right Host, the right Origin, the token where others can reach the server.

Enters: requests. Leaves: the same, or 403. A page of another site can't read or change anything here, whatever name
it gives this computer (DNS rebinding); cookies are SameSite=Strict.
"""

import hmac
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import cookie_parser

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
        name = own_cookie(TOKEN_COOKIE, _headers(scope).get("host", ""))
        cookie = f"{name}={self._token}; HttpOnly; SameSite=Strict; Path=/"
        is_told = self._token is not None and self._is_token(_query_tokens(scope))

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                extra = [(b"set-cookie", cookie.encode("latin-1"))] if is_told else []
                message = {**message, "headers": [*message["headers"], *HEADERS, *extra]}
            await send(message)

        await self._app(scope, receive, with_headers)

    def _refusal(self, scope: Any) -> str | None:
        headers = _headers(scope)
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
        cookie = cookie_parser(headers.get("cookie", "")).get(
            own_cookie(TOKEN_COOKIE, headers.get("host", ""))
        )
        return self._is_token([*_query_tokens(scope), *([] if cookie is None else [cookie])])

    def _is_token(self, given: list[str]) -> bool:
        return any(hmac.compare_digest(one.encode(), str(self._token).encode()) for one in given)


def own_cookie(name: str, host: str) -> str:
    """A cookie's name at the port of a Host header: servers of one computer would share it."""
    port = re.search(r":(\d+)$", host)
    return f"{name}_{port[1]}" if port else name


def _headers(scope: Any) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _query_tokens(scope: Any) -> list[str]:
    return parse_qs(scope["query_string"].decode("latin-1")).get("token", [])


def _name(host: str) -> str:
    """A Host header without its port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] or host


async def _answer(send: Any, status: int, text: str) -> None:
    headers = [(b"content-type", b"application/json"), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"detail": text}).encode()})
