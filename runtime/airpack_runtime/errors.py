"""What can go wrong at boot: each error's message is one line that says what, where, and what to do next."""

from __future__ import annotations

import re

from airpack_runtime import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping

# The exit statuses of Azure ML's images: no folder of packages, packages not installed, no requirements file.
NO_FOLDER, NOT_INSTALLED, NO_FILE = 97, 95, 99
# What pip reads in a fragment is a hash, the folder in an archive, the project's name.
_HARMLESS_END = r"\??(#((egg|subdirectory|md5|sha\d+)=[\w./~,[\]-]*&?)*)?"
_URL = r"(?i)\b(?:https?|ftps?|ssh|git|hg|svn|bzr|socks\w*|s3|gs|az):[/\\]*|//+"  # how one begins
_PLACE = r"(git@)?(\[[\da-f:.]*|[\w.*${}<~-]*)(\]?:(\d*|PORT))?([/\\][^@]*)?"  # what goes on without an account
_ENDS = "'\"`,.:;!)]}>"  # of the text that a URL stands in
_HIDDEN = "****"
# What Kubernetes tells of a service: a port, a protocol, an address.
_SERVICE = r"(?i)\d{0,5}|tcp|udp|sctp|((tcp|udp|sctp)://)?\[?[\da-f]*[.:][\da-f.:\]]{0,60}"
# What stands in the name of a key, a digest or a signature, anywhere or where a word begins; and what these are: 64
# or more digits that are no part of a path, a hash by its name, a PEM file or its name, a key or a hash in base64, what
# lies in a folder of keys.
_PIN_NAME = (
    "(?i)KEY|DIGEST|HASH|TRUST(?!ED.?HOST)|CERT.|ED25519|GPG|ISSUER|SIGN|CHECKSUM|VERIFIE|FINGER"
    "|(?:^|[^A-Z])(?:DIG|MD5|PEM|PIN|PK(?![A-Z])|PUB(?!LISH)|SHA(?!R)|SIG)"
)
_PIN_VALUE = (
    r"(?i)(?<![/\da-f])[\da-f]{64,}(?![/\da-f])|^sha\d+[-:=]|-----BEGIN|\.(?:asc|cer|crt|key|pem|pub|sig)(?![\w./])|^ssh-"
    rf"|{layout.PUBLIC_KEY_START}|^[\w+/]{{43}}=$|/keys?/"
)


def reason_of(error: OSError | UnpackFailed) -> str:
    """Return the reason that an error gives, without the path, which the caller's message names anyway."""
    return error.reason if isinstance(error, UnpackFailed) else error.strerror or str(error)


def printable(text: str) -> str:
    """Return a line of text with all that would act on a terminal, or begin another line, as Python's escapes.

    What gives access in its URLs is left out (`redacted`).
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in redacted(text))


def printable_facts(facts: Any) -> Any:
    """Return facts, as JSON takes them, with all texts printable."""
    if isinstance(facts, dict):
        return {printable(name): printable_facts(fact) for name, fact in facts.items()}
    if isinstance(facts, list):
        return list(map(printable_facts, facts))
    return printable(facts) if isinstance(facts, str) else facts


def redacted(text: str) -> str:
    """Return a text with `****` for what gives access in its URLs: users and passwords, queries and fragments.

    Readers of URLs differ, and people write some that none reads as it is meant. So all goes that one of them may take
    for an account, past slashes, quotes and blanks as well. That may be too much: a message can do without.
    """
    shown: list[str] = []
    head, begun = "", 0
    for word in re.split(r"(\s+)", text):
        start = re.search(_URL, word)
        if start:
            head, begun = word[: start.end()], len(shown)
            word = _of_url(head, word[start.end() :])  # noqa: PLW2901 - what is shown of it
            head = head if word.startswith(head + _HIDDEN) or word[len(head) :].isalnum() else ""
        elif head and "@" in word[:-1]:  # the end of an account with a blank in it
            del shown[begun:]
            word = head + _without_account(word)  # noqa: PLW2901
        elif re.search("[@?#&]", word):
            word = _of_word(word)  # noqa: PLW2901
        shown.append(word)
    return "".join(shown)


def _of_url(head: str, tail: str) -> str:
    """Return what may be shown of a URL: of its beginning, with all slashes, and the rest."""
    place = re.split("[?#;]", tail)[0]
    rest, ref = tail[len(place) :], ""
    if "@" in rest:  # an account to one reader, and a query to another
        return head + _HIDDEN
    body, at, name = place.rpartition("@")
    # A ref may follow the path of a repository, which ends with .git, or has an owner's folder.
    host, _, path = body.partition("/")
    is_repository = re.search("[.:]", host) and ("/" in path or path.endswith(".git"))
    if "+" in head and "/" not in name and ("@" in body or is_repository):
        place, ref = body, at + name
    if not head.endswith("file:///") and not re.fullmatch(_PLACE, place.rstrip(_ENDS)):
        if "@" in place:
            place = _without_account(place)
        elif ":" in head:
            place = re.sub(r"^[^/\\]+", _HIDDEN, place)
    return head + place + ref + _cut(rest)


def _of_word(word: str) -> str:
    """Return a word without an account where there is no scheme, as of a proxy, and a path without its query."""
    account, _, host = word.rpartition("@")
    is_account = re.search("(?i)[^/:@](:|%3a)[^/]", account) or (account and re.search(r":\d+\W*$", host))
    if is_account and not host.startswith("sha256:"):  # of a path, or an image's name
        word = _without_account(word)
    if ("&" in word or word[0] == "?") and "=" in word:  # the end of a query with a blank in it
        return _HIDDEN
    return _cut(word) if re.search(r"^['\"(]?/[^?]*\?.|.[?#][^?#]*=|\.\w+\?.", word) else word


def _without_account(text: str) -> str:
    return _HIDDEN + "@" + _cut(text.rpartition("@")[2])


def _cut(text: str) -> str:
    """Return the end of a URL without its query, and without its fragment unless that is known to do no harm."""
    place = re.split("[?#;]", text)[0]
    rest = text[len(place) :]
    return text if re.fullmatch(_HARMLESS_END, rest.rstrip(_ENDS)) else place + rest[0] + _HIDDEN


def unread(name: str, known: Iterable[str]) -> str:
    """Return a remark about a variable that nothing reads, with the nearest one of those that are `known`."""
    import difflib

    meant = difflib.get_close_matches(name.upper(), sorted(known), 1)
    return f"{printable(name)} is set, but nothing reads it" + (f": is {meant[0]} meant?" if meant else "")


def check_unread(name: str, value: str, known: Iterable[str]) -> str:
    """Return what `unread` does. Raises UnknownSetting for a variable whose name or value is like that of a pin."""
    remark = unread(name, known)
    # Kubernetes sets such variables for each service, whatever its name.
    is_service = re.search(r"_SERVICE_(HOST|PORT)|_PORT(_\d|$)", name) and re.fullmatch(_SERVICE, value)
    alike = remark.endswith(("_DIGEST meant?", "_KEY meant?")) and not is_service
    if alike or is_like_pin("" if is_service else name, value):
        raise UnknownSetting(name, remark)
    return remark


def is_like_pin(name: str, value: str) -> bool:
    """Return whether a setting seems to say, by its name or by what it holds, which bundle may be used."""
    return bool(re.search(_PIN_NAME, name) or re.search(_PIN_VALUE, value.strip()))


def _listed(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{what}: {reason}" for what, reason in reasons.items())


class BootError(Exception):
    """The packages can't be provided; base of every error of the runtime.

    `status` is the exit status of the process: by default the one of Azure ML's images for missing packages.
    """

    status = NO_FOLDER

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))  # it quotes what may come from anybody


class BundleNotFound(BootError):
    """No bundle that can be read lies where the settings, or the shim's own place, point to."""

    def __init__(self, path: str, reason: str | OSError) -> None:
        super().__init__(f"no bundle at {path}: {reason if isinstance(reason, str) else reason_of(reason)}")
        self.path = path


class BundleDamaged(BootError):
    """The bundle's bytes differ from what its table of contents says."""

    def __init__(self, path: str, problem: str, remedy: str = "copy it again from where it was packed") -> None:
        super().__init__(f"{path}: {problem}; {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class WrongDigest(BootError):
    """The bundle is not the one that AIRPACK_DIGEST pins; nothing of it was used."""

    def __init__(self, path: str, pinned: str, found: str) -> None:
        super().__init__(
            f"{path} has the digest sha256:{found}, but AIRPACK_DIGEST pins {pinned or 'nothing, as it is empty'}: "
            "put the pinned bundle there, or pin this one"
        )
        self.path = path
        self.pinned = pinned
        self.found = found


class BadKey(BootError):
    """The public key that must have signed the bundle can't be read: without it, nothing may be booted."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(f"{source} {problem}: give the .pub file of airpack keygen; without it, nothing is trusted")
        self.source = source
        self.problem = problem


class UnknownSetting(BootError):
    """A variable that nothing reads seems to be meant as the key or the pin: without it, any bundle would boot."""

    def __init__(self, name: str, remark: str) -> None:
        super().__init__(f"{remark} It seems to say what may be used, and doesn't: correct its name, or unset it")
        self.name = name


class NotSigned(BootError):
    """The bundle, image or tree isn't signed with the required key; nothing of it was used."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(f"{path} {problem}: {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class WrongTarget(BootError):
    """The bundle was packed for another Python, platform or machine."""

    def __init__(
        self, path: str, wanted: str, found: str, remedy: str = "pack it with the --target of this image"
    ) -> None:
        super().__init__(f"{path} was packed for {wanted}, but this is {found}: {remedy}")
        self.path = path
        self.wanted = wanted
        self.found = found


class OtherPython(WrongTarget):
    """The interpreter, of the tag `found`, is not the bundle's; the drop-in form then changes nothing in it."""

    def __init__(self, path: str, wanted: str, found: str) -> None:
        remedy = f"run it with {wanted.partition('-')[0]}, or pack for {found}"
        super().__init__(path, wanted, f"Python {found}", remedy)


class NoPlace(BootError):
    """No cache folder can hold the tree; `reasons` maps each folder to the reason."""

    def __init__(self, needed: int, reasons: Mapping[str, str]) -> None:
        super().__init__(
            f"no folder can hold the unpacked packages ({needed / 1e6:.1f} MB): {_listed(reasons)}; "
            "set AIRPACK_CACHE_DIR to a writable folder on a file system without noexec (Docker: "
            f"--tmpfs /tmp:exec,size={needed // 1000000 + 64}m; Kubernetes: an emptyDir volume at /tmp)"
        )
        self.needed = needed
        self.reasons = reasons


class NotATree(BootError):
    """A folder was given as a tree, but can't be used as one."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} can't be used as it is: {reason}")
        self.path = path
        self.reason = reason


class NotMounted(BootError):
    """An image can't be mounted; `reasons` maps each cache folder, or each way to mount it, to the reason."""

    def __init__(self, path: str, reasons: Mapping[str, str]) -> None:
        super().__init__(
            f"{path} can't be mounted here ({_listed(reasons)}): give the bundle itself, which is unpacked, or set "
            "AIRPACK_BUNDLE to a folder where the image is mounted"
        )
        self.path = path
        self.reasons = reasons


class UnpackFailed(BootError):
    """The tree could not be written; nothing of it was left behind."""

    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(f"unpacking into {folder} failed: {reason}")
        self.folder = folder
        self.reason = reason


class AzureError(BootError):
    """What an Azure ML variable names doesn't exist or can't be installed; `status` is the one of Azure's images."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
