"""``python -m bayesdx`` is the command ``bayesdx``."""

from bayesdx.cli import main

main()
