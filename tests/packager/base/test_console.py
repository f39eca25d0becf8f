"""Progress as bars, as lines and not at all, and text that is safe to show."""

from __future__ import annotations

import io
import re

import pytest
from airpack.base.console import BYTES, Bars, Lines, Recorded, Silent, amount_of, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a name with spaces, ü", "a name with spaces, ü"), ("\x1b[2Ja\nb\u202e\x9b", "?[2Ja?b??"), ("", "")],
)
def test_plain_replaces_each_unprintable_character(text: str, shown: str) -> None:
    """Escape sequences, line breaks and direction marks become `?`; all else stays."""
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("error: ##vso[task.prependpath]/tmp: no", "error: ?#vso[task.prependpath]/tmp: no"),
        ("##[group]one, ##VSO[x]y", "?#[group]one, ?#VSO[x]y"),
        ("  ::set-output name=digest::sha256:0", "?:set-output name=digest::sha256:0"),
        ("::stop-commands::x", "?:stop-commands::x"),
        ("## a title, one::two, ::1 and [::1]:80", "## a title, one::two, ::1 and [::1]:80"),
    ],
)
def test_no_text_is_a_command_for_a_ci(text: str, shown: str) -> None:
    """Agents of Azure Pipelines and GitHub carry out what stands in a step's log; all else stays."""
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (91_249_999, BYTES, "91.2 MB"),
        (1_234_567_890, BYTES, "1,234.6 MB"),
        (0, "wheels", "0 wheels"),
        (1, "wheels", "1 wheel"),
        (1234, "wheels", "1,234 wheels"),
    ],
)
def test_an_amount_has_its_unit(number: int, unit: str, text: str) -> None:
    """Bytes are given in MB; other units are in the plural unless the number is 1."""
    assert amount_of(number, unit) == text


def test_lines_sums_up_a_stage_in_one_line_when_it_ends() -> None:
    """The line has the stage's name, the sum of all amounts, and the time it took."""
    stream = io.StringIO()
    with Lines(stream).stage("install", "wheels", 3) as advance:
        advance(1)
        advance(2)
        assert stream.getvalue() == ""
    assert re.fullmatch(r"install         3 wheels    \d\.\d s\n", stream.getvalue())


def test_lines_says_nothing_of_a_stage_that_failed() -> None:
    """The error message follows, and a line would read as if the stage had ended well."""
    stream = io.StringIO()
    with pytest.raises(ValueError, match="broken"), Lines(stream).stage("install", "wheels"):
        raise ValueError("broken")
    assert stream.getvalue() == ""


def test_a_note_is_one_line_that_does_not_act_on_the_terminal() -> None:
    """In a log and between bars alike."""
    for progress in (Lines, Bars):
        stream = io.StringIO()
        progress(stream).note("two\nlines\x1b[2J")
        assert stream.getvalue() == "two?lines?[2J\n"


@pytest.mark.parametrize(("unit", "shown"), [(BYTES, "5.00M/5.00M"), ("wheels", "5000000/5000000")])
def test_bars_draws_what_is_done_of_the_total(unit: str, shown: str) -> None:
    """Bytes are scaled, numbers of things are not."""
    stream = io.StringIO()
    with Bars(stream).stage("fetch", unit, 5_000_000) as advance:
        advance(2_000_000)
        advance(3_000_000)
    last = stream.getvalue().rpartition("\r")[2]
    assert last.startswith("fetch    : 100%|")
    assert shown in last


def test_silent_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither stages nor notes."""
    progress = Silent()
    with progress.stage("fetch", BYTES) as advance:
        advance(1)
    progress.note("a note")
    assert capsys.readouterr() == ("", "")


def test_the_total_is_all_of_the_wait() -> None:
    """Stages run at the same time, and something runs between them: their sum is not what was waited for."""
    for kind in (Lines, Bars):
        stream = io.StringIO()
        progress = Recorded(kind(stream))
        progress.total()
        assert re.fullmatch(r"total  {16,}\d+\.\d s\n", stream.getvalue())
        assert progress.notes == []
    Silent().total()
