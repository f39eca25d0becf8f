"""What people paste and mistype, and what they are told to write."""

from __future__ import annotations

import pytest
from airpack.requirements.advice import advice, option_advice
from packaging.requirements import InvalidRequirement, Requirement


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("one=1.0", "one==1.0"),
        ('one = "^1.2"', "one >=1.2,<2"),
        ("one^0.3.1", "one>=0.3.1,<0.4"),
        ("one => 1.0", "one >= 1.0"),
        ("one=<1.0", "one<=1.0"),
        ("one<>1.0", "one!=1.0"),
        ("one > = 1.0", "one >= 1.0"),
        ("one ~1.0", "one ~=1.0"),
        ("one~=1", "one~=1.0"),
        ("one====1.0", "one==1.0"),
        ("one 1.0", "one==1.0"),
        ("one v1.0", "one==1.0"),
        ("one\t1.0", "one==1.0"),
        ("one (1.0)", "one==1.0"),
        ("one: 1.0", "one==1.0"),
        ("one/1.0", "one==1.0"),
        ("one@1.0", "one==1.0"),
        ("one@latest", "one"),
        ("one==latest", "one"),
        ("one==*", "one"),
        ("one==1.x", "one==1.*"),
        ("one==1,0", "one==1.0"),
        ("one>=", "one"),
        ("one @", "one"),
        ("one==1.0.", "one==1.0"),
        ("one>1.0<2.0", "one>1.0,<2.0"),
        ("one>=1.0 and <2.0", "one>=1.0,<2.0"),
        ("one==1.0#why", "one==1.0"),
        ("one==1.0 // why", "one==1.0"),
        ("one==1.0 sha256:00", "one==1.0 --hash=sha256:00"),
        ("one,", "one"),
        ("; one", "one"),
        ("'one==1.0',", "one==1.0"),
        ("one=='1.0'", "one==1.0"),
        ("\u201cone\u201d", "one"),
        ("one==\u201c1.0\u201d", "one==1.0"),
        ("one \u2265 1.0", "one >= 1.0"),
        ("one\u20111==1.0", "one-1==1.0"),
        ("one \u2013 1.0", "one==1.0"),
        ("one[more", "one[more]"),
        ("one[more==1.0", "one[more]==1.0"),
        ("one[more]]", "one[more]"),
        ("one(more)", "one[more]"),
        ("- one", "one"),
        ("-- one", "one"),
        ("* one==1.0", "one==1.0"),
        ("_one", "one"),
        ("pip install one", "one"),
        ("$ python3.7 -m pip install -U 'one>=1.0'", "one>=1.0"),
        ("!pip install one", "one"),
        ("conda install one=1.0", "one==1.0"),
        ("poetry add one", "one"),
        ("import one as two", "one"),
        ("from one import two", "one"),
        ("one; python_version>3.6", "one; python_version > '3.6'"),
        ("one; python_version > '3.6", "one; python_version > '3.6'"),
        ("one; python_version = 3", "one; python_version == '3'"),
        ("one; python_version => '3'", "one; python_version >= '3'"),
        ("one; python >= '3.7'", "one; python_version >= '3.7'"),
        ("one; python_version>=\u201c3.6\u201d", 'one; python_version>="3.6"'),
        ("one; os == 'linux'", "one; sys_platform == 'linux'"),
        ("one if sys.platform == 'win32'", "one; sys_platform == 'win32'"),
        (
            "one; python_version<'3.8'; sys_platform=='linux'",
            "one; python_version < '3.8' and sys_platform == 'linux'",
        ),
    ],
)
def test_the_nearest_requirement(text: str, nearest: str) -> None:
    """It is one (PEP 508), which the text is not."""
    with pytest.raises(InvalidRequirement):
        _read(text)
    _read(nearest.partition(" --hash")[0])
    assert advice(text) == f"write {nearest}"


def _read(text: str) -> None:
    """Raise InvalidRequirement for what is no requirement of an index: pip takes any text after `@` for a URL."""
    if Requirement(text).url is not None or "===" in text:
        raise InvalidRequirement(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("one, two", "write each on a line of its own: one, two"),
        ("one==1.0 two=2.0", "write each on a line of its own: one==1.0, two==2.0"),
        ("pip install -q one two three", "write each on a line of its own: one, two, three"),
        ("o\0n\0e\0", "the file is UTF-16 without a mark of it, or no text: save it as UTF-8"),
        ("<<<<<<< HEAD", "a merge left this line: resolve the conflict in the file"),
        ("=======", "a merge left this line: resolve the conflict in the file"),
        ("<!DOCTYPE html>", "it is a line of a web page: download the file itself"),
        (
            "version https://git-lfs.github.com/spec/v1",
            "the file is a pointer of Git LFS: fetch what it stands for by 'git lfs pull'",
        ),
        ("\u2013\u2013pre", "write --pre, with two hyphens"),
        ("\u2014index-url https://x.invalid/simple", "write --index-url https://x.invalid/simple, with two hyphens"),
        ("_libgcc_mutex     0.1       main  ", "a list of conda's: make it by 'pip list --format=freeze'"),
        ("six     1.16.0   pyhd3eb1b0_1", "a list of conda's: make it by 'pip list --format=freeze'"),
        ("six   1.16.0  py_0  conda-forge", "a list of conda's: make it by 'pip list --format=freeze'"),
        ("Package    Version", "make the file by 'pip list --format=freeze'"),
        ("---------- -------", "make the file by 'pip list --format=freeze'"),
        ("one==${VERSION}", "the environment variable VERSION is not set"),
        ("one==$VERSION", "write ${VERSION} for a variable of the environment"),
        ("one=={{ version }}", "it is a line of a template: give the file that is made from it"),
        ("FROM python:3.7", "it is a line of a Dockerfile: give the requirements file that it installs"),
        ("apt-get install one", "it installs a package of the system: delete the line"),
        ("git@example.invalid:team/one.git", "write git+ssh://git@example.invalid/team/one.git"),
        ("./one", "there is no such file or folder, seen from the current folder"),
        ("tests", "this folder is no project: it holds neither a pyproject.toml nor a setup.py"),
        ("one @ ./one", "write ./one alone: a name stands before a URL, not before a path"),
        ("one @ file:///a b/one-1.0-py3-none-any.whl", "a URL has no space in it: write %20"),
        ("C:/work/one", "it is a path of a Windows machine: give one that this machine has"),
        ("one==1.0[fast]", "write one[fast]==1.0"),
        ("here is what the model needs to run", "write NAME==VERSION (PEP 508)"),
        ("\u2026", "write NAME==VERSION (PEP 508)"),
    ],
)
def test_what_no_requirement_is_near(text: str, told: str) -> None:
    """It says what the line is, and what to do with it."""
    assert advice(text) == told


@pytest.mark.parametrize(
    ("text", "problem", "told"),
    [
        (
            "--extra-index-ulr https://example.invalid",
            "no such option: --extra-index-ulr",
            "there is no option --extra-index-ulr: write --extra-index-url",
        ),
        (
            "one==1.0 --no-deps",
            "no such option: --no-deps",
            "a requirements file has no option --no-deps: give it on the command line, or delete it",
        ),
        (
            "--process-dependency-links",
            "no such option: --process-dependency-links",
            "a requirements file has no option --process-dependency-links: delete it",
        ),
        (
            "--use-feature=2020-resolver",
            "option --use-feature: invalid choice: '2020-resolver' (choose from 'truststore')",
            "delete it: pip has no such feature, or has it always",
        ),
        ("pip install -U one", "no such option: -U", "write one"),
        ("-r", "-r option requires 1 argument", "-r option requires 1 argument"),
    ],
)
def test_options(text: str, problem: str, told: str) -> None:
    """Of a requirements file: the nearest one, or where such an option stands."""
    assert option_advice(text, problem) == told
