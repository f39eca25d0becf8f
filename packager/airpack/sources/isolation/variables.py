"""Which environment variables a build of a source sees: those that steer compilers and tools, and no secret.

A build runs code of strangers: `setup.py`, a backend (PEP 517). What names accounts, tokens or indexes isn't for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from airpack.base.urls import redacted

PASSED = "AIRPACK_BUILD_ENV"  # names further variables for builds, parted by commas or spaces

# The machine, the user, the language; compilers, linkers, and where they look.
# fmt: off
_NAMES = frozenset((
    "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TEMP", "TERM", "TMP", "TMPDIR", "TZ", "USER",
    "XDG_CACHE_HOME", "AR", "ARCHFLAGS", "AS", "CC", "CPATH", "CPP", "CXX", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH",
    "F77", "F90", "FC", "LD", "LDCXXSHARED", "LDSHARED", "LD_LIBRARY_PATH", "LIBRARY_PATH", "LIBS", "LLVM_CONFIG",
    "MAKE", "NM", "OBJCOPY", "PKG_CONFIG", "RANLIB", "STRIP", "CARGO", "CARGO_BUILD_TARGET", "RUSTC",
    "RUSTUP_TOOLCHAIN", "CURL_CA_BUNDLE", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SOURCE_DATE_EPOCH", "SSL_CERT_FILE",
    "no_proxy",
))
# fmt: on
_PROXIES = frozenset(f"{name}_proxy" for name in ("all", "ftp", "http", "https"))
_PREFIXES = ("CMAKE_", "LC_", "NPY_", "PKG_CONFIG_", "SETUPTOOLS_SCM_PRETEND_VERSION", "SKBUILD_", "ZIG_")
# Where a library is, and how it is linked: HDF5_DIR, MYSQLCLIENT_LDFLAGS, OPENSSL_ROOT.
_SUFFIXES = ("FLAGS", "_DIR", "_HOME", "_LIBS", "_PREFIX", "_ROOT")
_SECRET = re.compile("AUTH|CREDENTIAL|KEY|PASS|SECRET|TOKEN", re.IGNORECASE)
# Of pip's settings, what `pip_files` tells a build's pip by files.
_TOLD = ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_NO_INDEX", "PIP_PROXY", "PIP_TRUSTED_HOST")


def for_builds(env: Mapping[str, str]) -> dict[str, str]:
    """Return what a build sees of the environment `env`, with what `env` itself names by AIRPACK_BUILD_ENV."""
    passed = set(env.get(PASSED, "").replace(",", " ").split())
    return {
        name: value
        for name, value in env.items()
        if name in passed or (_is_tools(name) and not _SECRET.search(name) and not _gives_access(name, value))
    }


def for_pip(env: Mapping[str, str]) -> dict[str, str]:
    """Return what the pip of a build's environment sees of `env`: also its own settings, and proxies as they are."""
    own = {
        name: value
        for name, value in env.items()
        if (name.startswith("PIP_") and name not in _TOLD) or name.lower() in _PROXIES or name == "NETRC"
    }
    return {**for_builds(env), **own}


def _is_tools(name: str) -> bool:
    return name in _NAMES or name.lower() in _PROXIES or name.startswith(_PREFIXES) or name.upper().endswith(_SUFFIXES)


def _gives_access(name: str, value: str) -> bool:
    """Return whether a value has an account or a token in it, as `redacted` finds them, or for some reader of URLs."""
    if name.lower() in _PROXIES:
        return "@" in value or redacted(value) != value
    if name in _NAMES and "://" not in value and not value.startswith("//"):  # paths, in which an `@` is a letter
        return False
    return redacted(value) != value
