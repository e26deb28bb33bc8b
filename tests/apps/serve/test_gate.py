"""Who is let in, whatever other programs' cookies stand beside the token's."""

import asyncio

import pytest

from cocnet.apps.serve.gate import Gate

HOST = ("host", "pc:8765")


async def nothing(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def asked(*headers, query=b""):
    """Status, the cookies that are set, the body."""
    sent = []

    async def send(message):
        sent.append(message)

    lines = [(name.encode(), value.encode("latin-1")) for name, value in (HOST, *headers)]
    scope = {"type": "http", "path": "/api/about", "query_string": query, "headers": lines}
    asyncio.run(Gate(nothing, "T")(scope, None, send))
    cookies = [value.decode() for name, value in sent[0]["headers"] if name == b"set-cookie"]
    return sent[0]["status"], cookies, sent[1]["body"]


@pytest.mark.parametrize(
    "others", ['a={"x": 1}', "theme", "n=J\xfcrgen", "a@b=1", "x[y]=1", 'a="b"c', "cocnet_token_8766=U"]
)
def test_other_programs_cookies_do_not_hide_the_token(others):
    for line in (f"{others}; cocnet_token_8765=T", f"cocnet_token_8765=T; {others}"):
        assert asked(("cookie", line))[:2] == (200, [])
    assert asked(("cookie", others))[0] == 403


@pytest.mark.parametrize("given", [b"wrong", b"%E2%82%AC", b"x%0d%0aA:b"])
def test_only_the_right_token_becomes_a_cookie(given):
    assert asked(("cookie", "cocnet_token_8765=T"), query=b"token=" + given)[:2] == (200, [])
    assert asked(query=b"token=" + given)[0] == 403
    status, (cookie,), _ = asked(query=b"token=T")
    assert status == 200 and cookie.startswith("cocnet_token_8765=T;")


def test_a_refusal_is_told_as_every_error_is():
    assert b'"detail": "expected the token' in asked()[2]
