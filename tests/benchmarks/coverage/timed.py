"""Runs a command, and writes the CPU seconds of all its processes, user's and system's, into a file.

    python -I -S timed.py FILE COMMAND [ARGUMENT ...]

They tell how much work a step is where the machine is busy with other work. The status is the command's.
"""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command; return the status."""
    file, *words = sys.argv[1:]
    child = os.fork()
    if not child:
        os.execvp(words[0], words)  # noqa: S606 - a list of words
    _, status, usage = os.wait4(child, 0)
    with open(file, "w") as out:
        out.write(str(usage.ru_utime + usage.ru_stime))
    return os.waitstatus_to_exitcode(status) & 255


if __name__ == "__main__":
    sys.exit(main())
