"""The command line: `app` runs one of the `commands`, and turns errors into messages and exit statuses."""

from airpack.cli.app import main

__all__ = ["main"]
