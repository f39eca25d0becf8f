"""A tree that is ready to be activated, and the ways to come by one."""

from __future__ import annotations

# What AIRPACK_MODE may be: the first that works; a tree that is there; a mounted image; an unpacked bundle.
AUTO, TREE, MOUNT, UNPACK = MODES = ("auto", "tree", "mount", "unpack")


class Ready:
    """A tree that is ready to be activated.

    `bundle` is the file or folder it is from, `digest` that bundle's if it is known, `how` the
    strategy in a word or a few, `made` whether it had to be unpacked, mounted or installed just now,
    `size` the bytes of that, `phases` what took how many seconds. `signer` is the public key that must
    have signed it, and has; empty if any bundle will do. `passed_over` says why AIRPACK_CACHE_DIR
    wasn't used, if so.
    """

    def __init__(self, bundle: str, key: str, target: str, digest: str, tree: str, how: str) -> None:
        self.bundle = bundle
        self.key = key
        self.target = target
        self.digest = digest
        self.tree = tree
        self.how = how
        self.made = False
        self.signer = ""
        self.passed_over = ""
        self.size = 0
        self.phases: dict[str, float] = {}

    def note(self) -> str:
        """Return what children need to know of it."""
        return "\t".join((self.bundle, self.key, self.target, self.digest, self.tree, self.signer))
