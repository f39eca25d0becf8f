"""How pytest-xdist spreads the tests over processes."""

from __future__ import annotations

from itertools import groupby

from xdist.scheduler import LoadFileScheduling

# Each of its tests is a process that runs others, and shares nothing with the next.
APART = "tests/contract/test_runtime_under_37.py"


class Spread(LoadFileScheduling):
    """A process takes what lies in one file and stands together in the order of the tests.

    So what is to run alone, which stands last, waits for no rest of its file: it is another piece of work. Of `APART`,
    each test is one.
    """

    def schedule(self) -> None:
        """Divide the tests, then spread them."""
        if self.collection is None:
            tests = next(iter(self.registered_collections.values()))
            pieces = [(name, list(group)) for name, group in groupby(tests, key=_of)]
            self._piece = {test: f"{number} {name}" for number, (name, group) in enumerate(pieces) for test in group}
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._piece[nodeid]


def _of(test: str) -> str:
    """Return what a process takes as a whole: a file, or a test of `APART`."""
    file = test.partition("::")[0]
    return test if file == APART else file
