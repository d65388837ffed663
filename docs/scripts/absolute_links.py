"""A hook of mkdocs: links that lead out of ``docs`` become links to the project's page."""

import re
from typing import Any

OUT = re.compile(r"]\(\.\./")


def on_page_markdown(markdown: str, config: Any, **_: Any) -> str:
    """Called for each page."""
    return OUT.sub(f"]({config['repo_url']}/blob/main/", markdown)
