"""A hook of the site's build: links from docs/ to files elsewhere in the repository become names of these files.

On the web page of the repository such links work; the site holds docs/ alone. A file that isn't there ends the build.
"""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./([^)#]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page, with each link out of docs/ as its text and the file's name. Raises FileNotFoundError."""
    return _OUTSIDE.sub(_named, markdown)


def _named(link: re.Match[str]) -> str:
    text, target = link.group(1), link.group(2)
    if not (ROOT / target).exists():
        raise FileNotFoundError(f"expected a file of the repository, got '{target}', try another link")
    return f"`{target}`" if text == target else f"{text} (`{target}`)"
