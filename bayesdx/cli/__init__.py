"""The command line. Uses only public names of bayesdx; what it lacks, the library lacks."""

from bayesdx.cli.app import app, main

__all__ = ["app", "main"]
