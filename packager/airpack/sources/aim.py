"""What compiled files are for: a machine and a C library, as zig, CPython and this machine name them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from airpack_runtime import host


@dataclass(frozen=True, kw_only=True, slots=True)
class Aim:
    """The machine and the C library that files are compiled for: `glibc` is its version, None means musl."""

    machine: str
    glibc: tuple[int, int] | None

    @classmethod
    def of(cls, tags: Sequence[str]) -> Aim:
        """Return the aim of a target that takes these wheel tags, the newest first (PEP 600, PEP 656)."""
        for tag in tags:
            words = tag.rpartition("-")[2].split("_", 3)
            if words[0] == "manylinux":
                return cls(machine=words[3], glibc=(int(words[1]), int(words[2])))
            if words[0] == "musllinux":
                return cls(machine=words[3], glibc=None)
        return cls.here()

    @classmethod
    def here(cls) -> Aim:
        """Return this machine, as its own compiler takes it."""
        return cls(machine=os.uname().machine, glibc=host.glibc())

    @property
    def triplet(self) -> str:
        """The name that Debian and CPython have for it: `x86_64-linux-gnu`."""
        return f"{self.machine}-linux-{'gnu' if self.glibc else 'musl'}"

    @property
    def triple(self) -> str:
        """The name that zig has for it: `x86_64-linux-gnu.2.27`."""
        return f"{self.triplet}.{self.glibc[0]}.{self.glibc[1]}" if self.glibc else self.triplet

    @property
    def is_foreign(self) -> bool:
        """Whether this machine runs no programs for it: those of another processor, or of another C library."""
        return self.triplet != Aim.here().triplet

    @property
    def beyond_this_machine(self) -> str:
        """Why this machine's compiler can't compile for it, empty if it can."""
        here = Aim.here()
        is_newer = bool(here.glibc and self.glibc and here.glibc > self.glibc)
        if self.is_foreign or is_newer:
            return f"this machine's compiler compiles for {here}, the target has {self}"
        return ""

    def __str__(self) -> str:
        library = f"glibc {self.glibc[0]}.{self.glibc[1]}" if self.glibc else "musl"
        return f"{library} on {self.machine}"
