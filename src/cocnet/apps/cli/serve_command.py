"""`cocnet serve`: a page to choose focus and aperture by looking.

Enters: an address. Leaves: a server until Ctrl-C.
"""

from tyro.conf import OmitArgPrefixes

from cocnet.apps.serve.settings import ServeRun


def serve(run: OmitArgPrefixes[ServeRun]) -> None:
    """Open a page in the browser to choose focus and aperture by looking.

      cocnet serve

    For other computers of this network; the URL that is printed holds a token:
      cocnet serve --host 0.0.0.0 --port 8765

    Args:
        run: Address and limits.
    """
    from cocnet.apps.serve.run import serve as serve_until_stopped

    serve_until_stopped(run, lambda url: print(f"open {url} (Ctrl-C ends it)", flush=True))
