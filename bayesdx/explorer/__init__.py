"""The explorer: one front end in a notebook, as a local page, and as a file. Uses only public names of bayesdx."""

from bayesdx.explorer.offline import publish
from bayesdx.explorer.page import Page
from bayesdx.explorer.session import Session
from bayesdx.explorer.widget import Explorer, explore

__all__ = ["Explorer", "Page", "Session", "explore", "publish"]
