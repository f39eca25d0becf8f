"""What to write in place of a text that is not a requirement (PEP 508), as people paste and mistype them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

from packaging.requirements import InvalidRequirement, Requirement

# Options that stand in a requirements file, as pip's documentation lists them.
_OPTIONS = (
    "-i", "--index-url", "--extra-index-url", "--no-index", "-c", "--constraint", "-r", "--requirement", "-e",
    "--editable", "-f", "--find-links", "--no-binary", "--only-binary", "--prefer-binary", "--require-hashes", "--pre",
    "--trusted-host", "--hash", "--config-settings",
)  # fmt: skip
# Those of pip's that airpack's command line has, and no requirements file.
_ON_COMMAND_LINE = (
    "--no-deps",
    "--cert",
    "--client-cert",
    "--proxy",
    "--retries",
    "--timeout",
    "--exclude-newer",
)
# What is no requirement in any form, and what to do about it; a group has the word that matters.
_OTHER = (
    (r"(?s).*\0.*", "the file is UTF-16 without a mark of it, or no text: save it as UTF-8"),
    (r"(?:<{7}|={7}|>{7}|\|{7})(?: .*)?", "a merge left this line: resolve the conflict in the file"),
    (r"(?i)<(?:!doctype|html|head|\?xml).*", "it is a line of a web page: download the file itself"),
    (r"version https://git-lfs\..*", "the file is a pointer of Git LFS: fetch what it stands for by 'git lfs pull'"),
    (r"[\u2012-\u2014]{1,2}([a-z][a-z-]*\b.*)", "write --{}, with two hyphens"),
    (
        r"[\w.-]+(?: {2,}\S+){2,3} *|[\w.-]+ {2,}\d\S* +\w+_\d+ *",
        "a list of conda's: make it by 'pip list --format=freeze'",
    ),
    (r"(?i)package\s+version(?:\s+location.*)?|-{3,}(?:\s+-{3,})*", "make the file by 'pip list --format=freeze'"),
    (r".*\$\{([A-Z0-9_]+)\}.*", "the environment variable {} is not set"),
    (r"(?i)[a-z]:[/\\].*|\\\\.*", "it is a path of a Windows machine: give one that this machine has"),
    (r".*\$([A-Za-z_]\w*).*", "write ${{{}}} for a variable of the environment"),
    (
        r"(?:FROM|RUN|COPY|ADD|CMD|ENV|ARG|USER|LABEL|WORKDIR|ENTRYPOINT) +\S.*",
        "it is a line of a Dockerfile: give the requirements file that it installs",
    ),
    (r".*(?:\{\{|\{%).*", "it is a line of a template: give the file that is made from it"),
    (r"(?i)(?:sudo\s+)?(?:apt|apt-get|yum|dnf|apk|brew)\s+.*", "it installs a package of the system: delete the line"),
    (r"git@([^:/\s]+):(\S+)", "write git+ssh://git@{}/{}"),
    (r"[\w.-]+\s*(?:\[[^\]]*\])?\s*@\s*(?:file|https?):[^\s;]+\s+(?![;#\s]).*", "a URL has no space in it: write %20"),
    (r"[\w.-]+\s*(?:\[[^\]]*\])?\s*@\s*(\.{0,2}/.*)", "write {} alone: a name stands before a URL, not before a path"),
    (
        r"(?:\.{0,2}/|~).*|[\w.-]+(?:/[\w.-]+)*/|[\w.-]+(?:/[A-Za-z_][\w.-]*)+",
        "there is no such file or folder, seen from the current folder",
    ),
)
_CHARACTERS = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\u3000", " "),
        **dict.fromkeys("\u200b\ufeff", ""),
        "\u2265": ">=",
        "\u2264": "<=",
        "\u2260": "!=",
        "\uff1d": "=",
        "\uff1b": ";",
        "\uff0c": ",",
    }
)
_COMMAND = re.compile(
    r"""
    (?:[$!%>]\s*)? (?:sudo\s+)? (?:python[\d.]*\s+-m\s+)?
    (?: (?:uv\s+)?pip[\d.]*\s+(?:install|download) | (?:conda|mamba|micromamba)\s+install | (?:uv|poetry|pdm)\s+add
      | pipenv\s+install | import | from (?=\s+\S+\s+import) )
    (?P<what> \s.*)
    """,
    re.VERBOSE,
)
_VARIABLE = (
    r"(python_version|python_full_version|sys_platform|platform_\w+|os_name|implementation_name|"
    r"implementation_version|extra)"
)
_MARKER = (
    (r"\bsys\.platform\b", "sys_platform"),
    (r"\bos\.name\b", "os_name"),
    (r"\bos\b(?=\s*[=!])", "sys_platform"),
    (r"\bpython\b(?=\s*[<>=!])", "python_version"),
    (r"\s*(?:&&|;)\s*", " and "),
    (r"\s*\|\|\s*", " or "),
    (r"=>", ">="),
    (r"=<", "<="),
    (rf"{_VARIABLE}\s*=(?!=)", r"\1 =="),
    (rf"{_VARIABLE}\s*([<>=!~]=?)\s*[\"']?([\w.+-]+)[\"']?", r"\1 \2 '\3'"),
)
_SPECIFIER = (
    (r"\s+(?:#|//|--\s).*|#.*", ""),
    (r"^([\w.-]+)\s*([<>=!~][^\[\]]*)(\[[^\]]*\])$", r"\1\3\2"),
    (r"=>", ">="),
    (r"=<", "<="),
    (r"<>", "!="),
    (r"([<>=!~])\s+=", r"\1="),
    (r"(?<![<>=!~])=(?!=)", "=="),
    (r"={4,}", "=="),
    (r"(?<![<>=!~])~(?!=)", "~="),
    (r"[\"']", ""),
    (r"\[([^\]<>=!~]*?)\s*(?=[<>=!~]|$)", r"[\1]"),
    (r"\]+", "]"),
    (r"^([\w.-]+)\s*\(([A-Za-z][\w, -]*)\)", r"\1[\2]"),
    (r"\s*\b(?:and|&&?)\s*(?=[<>=!~])", ","),
    (r"([<>=!~]=?\s*\d[\w.*+!]*)\s*,?\s*(?=[<>=!~])", r"\1,"),
    (r"(\d)(?:\.[xX])+(?!\w)", r"\1.*"),
    (r"(~=\s*\d+)(?![\w.])", r"\1.0"),
    (r"\s*(?:[=~]=|@|:)?\s*(?:latest|(?<!\.)\*)$", ""),
    (r"^([A-Za-z][\w.-]*(?:\[[^\]]*\])?)\s*(?:[ :@/\\!(]|version\b)+\s*v?(\d[\w.]*)\)?$", r"\1==\2"),
    (r"\s*[<>=!~@]=?=?\s*$", ""),
    (r"(\d),(?=\d)", r"\1."),
    (r"^[._-]+|[._-]+$", ""),
    (r"\s+sha256:", " --hash=sha256:"),
)
_WORDS = 5  # that a line has room for
_FORM = "write NAME==VERSION (PEP 508)"
_LONGEST = 1000  # characters of a text that is near to a requirement: the patterns take the square of them


def advice(text: str) -> str:
    """Return what to do about a text that is not a requirement: the nearest right form, if there is one."""
    if len(text) > _LONGEST:
        return _FORM
    if os.path.isdir(text.partition("[")[0].strip()):
        return "this folder is no project: it holds neither a pyproject.toml nor a setup.py"
    for pattern, remedy in _OTHER:
        if found := re.fullmatch(pattern, text.strip()):
            return remedy.format(*found.groups())
    if nearest := _nearest(text):
        return f"write {nearest}"
    if several := _several(text):
        return f"write each on a line of its own: {', '.join(several)}"
    return _FORM


def option_advice(text: str, problem: str) -> str:
    """Return what to do about a line with an option that pip refuses; `problem` is what pip says of it."""
    if len(text) <= _LONGEST and _COMMAND.fullmatch(text):
        return advice(text)
    if "option --use-feature" in problem:
        return "delete it: pip has no such feature, or has it always"
    unknown = re.search(r"no such option: (\S+)", problem)
    if unknown is None:
        return problem
    import difflib  # noqa: PLC0415 - only needed for a mistyped option

    if nearest := difflib.get_close_matches(unknown[1], _OPTIONS, n=1, cutoff=0.8):
        return f"there is no option {unknown[1]}: write {nearest[0]}"
    elsewhere = "give it on the command line, or delete it" if unknown[1] in _ON_COMMAND_LINE else "delete it"
    return f"a requirements file has no option {unknown[1]}: {elsewhere}"


def _nearest(text: str) -> str:
    """Return the nearest text that is a requirement, empty if none is near."""
    for step in _STEPS:
        text = step(text)
        if _is_requirement(text):
            return text
    return ""


def _several(text: str) -> Sequence[str]:
    """Return the requirements that a text lists, or that a command names; empty if it is something else."""
    plain = _plain(text)
    command = _COMMAND.fullmatch(plain)
    words = [word for word in re.split(r"[,;\s]+", _without_command(plain)) if word and word != "and"]
    if not all(word[0].isalpha() for word in words):
        return ()
    found = [word if _is_requirement(word) else _nearest(word) for word in words]
    listed = command is not None or len(words) == 2 or re.search(r"[,;<>=]", plain) is not None
    return found if listed and 1 < len(found) <= _WORDS and all(found) else ()


def _is_requirement(text: str) -> bool:
    try:
        requirement = Requirement(text.partition(" --hash=")[0])
    except InvalidRequirement:
        return False
    # `NAME @ WORD` and `NAME==== VERSION` are PEP 508 as well, and to packaging 26.3 `NAME===`; they are never meant.
    return requirement.url is None and all(each.version and each.version[0] != "=" for each in requirement.specifier)


def _plain(text: str) -> str:
    """Return a text in plain characters, without what a list or a quotation puts around it."""
    text = " ".join(re.sub(r"\s*[\u2012-\u2014\u2212]\s*v?(?=\d)", "==", text).translate(_CHARACTERS).split())
    text = re.sub(r"^(?:[-*+•]+\s+)+|^[;,]\s*|[\s,;\\]+$", "", text)
    quoted = re.fullmatch(r"([\"'])(.*)\1", text)
    return quoted[2].strip() if quoted else text


def _without_command(text: str) -> str:
    """Return what a command installs, or a statement imports."""
    command = _COMMAND.fullmatch(text)
    if command is None:
        return text
    what = re.sub(r"\s+(?:import|as)\s.*", "", command["what"])
    return " ".join(word.strip("\"'") for word in what.split() if not word.startswith("-"))


def _with_marker(text: str) -> str:
    """Return a text with its marker as PEP 508 has it."""
    text = re.sub(rf"\s+if\s+(?={_VARIABLE}|sys\.platform)", "; ", text)
    head, semicolon, marker = text.partition(";")
    return f"{head.strip()}; {_substituted(marker.strip(), _MARKER)}" if semicolon else text


def _with_specifier(text: str) -> str:
    """Return a text with its extras and versions as PEP 508 has them."""
    head, semicolon, marker = text.partition(";")
    head = re.sub(r"[\"']?\^\s*(\d[\w.]*)[\"']?", _caret, head)
    head = re.sub(r"=\s*(?=>=)", "", head)  # before the `>=` that was made of a caret
    return f"{_substituted(head.strip(), _SPECIFIER)}{semicolon}{marker}"


def _caret(match: re.Match[str]) -> str:
    """Return Poetry's `^1.2` in PEP 440's words: up to the next change of the first number that is not zero."""
    numbers = [int(part) for part in re.findall(r"\d+", match[1])]
    place = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    following = [*numbers[:place], numbers[place] + 1]
    return f">={match[1]},<{'.'.join(map(str, following))}"


def _substituted(text: str, rules: Sequence[tuple[str, str]]) -> str:
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    return text.strip()


_STEPS: Sequence[Callable[[str], str]] = (_plain, _without_command, _with_marker, _with_specifier)
