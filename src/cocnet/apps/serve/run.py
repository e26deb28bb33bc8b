"""Start the server.

Enters: `ServeRun`. Leaves: a URL on stdout, and a server until it is interrupted.
"""

import secrets
import socket
from collections.abc import Callable
from importlib.util import find_spec

from cocnet.apps.serve.settings import ServeRun
from cocnet.errors import InputError, MissingExtraError


def serve(run: ServeRun, say: Callable[[str], None]) -> None:
    """Serve until interrupted; say() is told the URL once the port is open. Raises MissingExtraError, InputError."""
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise MissingExtraError("expected FastAPI and uvicorn, got none, try: pip install 'cocnet[serve]'")
    import uvicorn

    from cocnet.apps.serve.server import make_app

    token = None if run.is_local else secrets.token_urlsafe(16)
    listening = _listen(run)
    host = _reached_at(run.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
    say(url if token is None else f"{url}?token={token}")
    config = uvicorn.Config(
        make_app(run, token), log_level="warning", server_header=False, timeout_graceful_shutdown=2
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()


def _reached_at(host: str) -> str:
    """The host, or this computer's address in its network where the host stands for all of them."""
    outside = {"": "192.0.2.1", "0.0.0.0": "192.0.2.1", "::": "2001:db8::1"}.get(host)
    if outside is None:
        return host
    try:
        with socket.socket(socket.AF_INET6 if ":" in outside else socket.AF_INET, socket.SOCK_DGRAM) as route:
            route.connect((outside, 9))  # sends nothing
            return str(route.getsockname()[0])
    except OSError:  # no network
        return socket.gethostname()


def _listen(run: ServeRun) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in run.host else socket.AF_INET
        return socket.create_server((run.host, run.port), family=family)
    except OSError as error:
        raise InputError(
            f"expected a free port and an address of this computer, got {run.host}:{run.port} "
            f"({error.strerror}), try --port 0"
        ) from error
