"""``python -m bayesdx.cli`` is the command ``bayesdx``."""

from bayesdx.cli.app import main

main()
