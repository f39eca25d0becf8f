"""`python -m airpack` is the command `airpack`."""

import sys

from airpack.cli import main

if __name__ == "__main__":
    sys.exit(main())
