"""`python -m airpack` is the command `airpack`."""

import sys

from airpack.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
