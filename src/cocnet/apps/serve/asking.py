"""Who asks, for which of his own photos and jobs, and what he is answered.

Enters: requests. Leaves: visitors with what is theirs (404 for anybody else's), values that JSON can hold.
"""

import math
from typing import Annotated, Any

from fastapi import Body, Depends, HTTPException, Request, Response

from cocnet.apps.serve.gate import own_cookie
from cocnet.apps.serve.jobs import Job
from cocnet.apps.serve.visitor import Photo, Visitor

VISITOR = "cocnet_visitor"


def visitor_of(request: Request) -> Visitor:
    """Who asks; 404 for who hasn't uploaded anything."""
    visitor: Visitor | None = request.app.state.visitors.find(request.cookies.get(_cookie(request)))
    if visitor is None:
        raise HTTPException(404, "expected one of your photos, got none of yours, try uploading it again")
    return visitor


def uploader_of(request: Request, response: Response) -> Visitor:
    """Who brings a photo; a new visitor gets a cookie."""
    visitors = request.app.state.visitors
    visitor: Visitor | None = visitors.find(request.cookies.get(_cookie(request)))
    if visitor is None:
        key, visitor = visitors.arrive()
        response.set_cookie(_cookie(request), key, httponly=True, samesite="strict")
    return visitor


def _cookie(request: Request) -> str:
    return own_cookie(VISITOR, request.headers.get("host", ""))


Asking = Annotated[Visitor, Depends(visitor_of)]
Uploading = Annotated[Visitor, Depends(uploader_of)]
Given = Annotated[dict[str, Any], Body()]


def photo_of(visitor: Visitor, key: str) -> Photo:
    """A visitor's own photo; 404 for anybody else's."""
    if key not in visitor.photos:
        raise HTTPException(404, "expected one of your photos, got another name, try uploading it again")
    return visitor.photos[key]


def job_of(visitor: Visitor, number: str) -> Job:
    """A visitor's own job; 404 for anybody else's."""
    if number not in visitor.jobs:
        raise HTTPException(404, "expected one of your renders, got another name, try starting it again")
    return visitor.jobs[number]


def plain(value: Any) -> Any:
    """What JSON can hold: infinity and NaN become null."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
