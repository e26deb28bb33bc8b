"""`cocnet serve`: a page to choose focus and aperture by looking.

Enters: an address. Leaves: a server until Ctrl-C.
"""

from tyro.conf import OmitArgPrefixes

from cocnet.apps.serve.settings import ServeRun


def serve(run: OmitArgPrefixes[ServeRun]) -> None:
    """Serve a page to choose focus and aperture by looking, in a browser.

    Drop a photo on the page, click what should be sharp, drag the aperture, and save at full size:
      cocnet serve

    Reachable from other computers; the printed URL holds a token, without which nobody is let in:
      cocnet serve --host 0.0.0.0 --port 8765

    Args:
        run: Address, and limits for visitors.
    """
    from cocnet.apps.serve.run import serve as serve_until_stopped

    serve_until_stopped(run, lambda url: print(f"open {url} (Ctrl-C ends it)", flush=True))
