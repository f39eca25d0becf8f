"""The tree that a boot has made ready, and the two notes by which later processes find it again."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The values of AIRPACK_MODE: the first way that works; only a tree that is there; only an image; only a bundle.
AUTO, TREE, MOUNT, UNPACK = MODES = ("auto", "tree", "mount", "unpack")
# How a tree was found that an earlier boot, or a parent process, had made ready.
CACHED, INHERITED = "cached", "inherited"

_NOTED = ("bundle", "key", "target", "digest", "tree", "signer")  # the fields in AIRPACK_ACTIVE, in order


class Ready:
    """A tree that is ready to be activated. Immutable: `replace` returns a copy with other values.

    It is no NamedTuple, because `typing` takes longer to import than a warm start may take. Its fields:

    - `bundle`: the path of the file or folder that the tree comes from; `key`: what `cache.key_of` gives for its stat
    - `target`: the target's name; `digest`: the bundle's digest, empty or `cache.UNKNOWN` if it is not known
    - `tree`: the folder of the tree
    - `signer`: the public key by which it was signed, in base64; empty if no signature was asked for
    - `how`: how it was made ready, in a few words for the log
    - `created`: whether this process unpacked, checked, mounted or installed it
    - `size`: how many bytes were unpacked or mounted for that
    - `passed_over`: why the folder in AIRPACK_CACHE_DIR could not be used, empty if it was or none is set
    - `needs`: the libraries that the image must bring, where this process unpacked them (`format.toc.Need`)
    - `phases`: the name and duration in seconds of each part of the boot, in order
    """

    if TYPE_CHECKING:
        bundle: str
        key: str
        target: str
        digest: str
        tree: str
        signer: str
        how: str
        created: bool
        size: int
        passed_over: str
        needs: tuple[Any, ...]
        phases: tuple[tuple[str, float], ...]

    def __init__(  # noqa: PLR0913 - one argument a field, each given by its name
        self,
        *,
        bundle: str,
        key: str,
        target: str,
        digest: str,
        tree: str,
        how: str,
        signer: str = "",
        created: bool = False,
        size: int = 0,
        passed_over: str = "",
        needs: tuple[Any, ...] = (),
        phases: tuple[tuple[str, float], ...] = (),
    ) -> None:
        fields = locals()  # of the arguments alone, as nothing else is assigned before
        del fields["self"]
        vars(self).update(fields)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name + " can't be set: use replace")

    def replace(self, **changes: Any) -> Ready:
        """Return a copy with other values in the fields that are named."""
        return Ready(**{**vars(self), **changes})

    def timed(self, phase: str, seconds: float) -> Ready:
        """Return a copy with the duration of one more phase."""
        return self.replace(phases=(*self.phases, (phase, seconds)))

    def to_note(self) -> str:
        """Return the text of AIRPACK_ACTIVE, by which child processes find this tree; `from_note` reads it."""
        return "\t".join(getattr(self, name) for name in _NOTED)

    @classmethod
    def from_note(cls, text: str) -> Ready | None:
        """Return the tree that a parent process noted by `to_note`, or None if `text` is no such note."""
        words = text.split("\t")
        fields: dict[str, Any] = dict(zip(_NOTED, words))
        return cls(**fields, how=INHERITED) if len(words) == len(_NOTED) else None

    def to_seen(self) -> str:
        """Return the text of a cache folder's KEY.seen, by which later boots find this tree; `from_seen` reads it."""
        return " ".join((self.target, os.path.basename(self.tree), self.digest, self.signer))

    @classmethod
    def from_seen(cls, text: str, folder: str, bundle: str, key: str) -> Ready | None:
        """Return the tree in the cache folder `folder` that `to_seen` noted, or None if `text` is not such a note.

        `bundle` and `key` are the path of that bundle's file and the key that the note is named by.
        """
        words = text.split(" ")
        if len(words) != 4:
            return None
        target, name, digest, signer = words
        tree = folder + "/" + name
        return cls(bundle=bundle, key=key, target=target, digest=digest, tree=tree, signer=signer, how=CACHED)
