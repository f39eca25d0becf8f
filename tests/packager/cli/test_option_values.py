"""Values for options that are not words of a command line."""

from __future__ import annotations

from airpack.cli.words import option_values, parsers


def test_a_flag_that_is_false_sets_nothing() -> None:
    """Neither itself, nor what it would set for another option: `--release` is a `--level`."""
    command = parsers.build(["pack"])[1].choices["pack"]
    arguments = option_values.namespace(command, {"slim": False, "release": False})
    assert (arguments.slim, arguments.level) == (False, 9)
    assert option_values.namespace(command, {"slim": True, "release": True}).level == 19


def test_a_flag_that_another_takes_back_is_switched_off_by_false() -> None:
    """Where its default is neither: `--add-missing`."""
    command = parsers.build(["pack"])[1].choices["pack"]
    for options in ({"add-missing": False}, {"no_add_missing": True}):
        assert option_values.namespace(command, options).add_missing is False
    assert option_values.namespace(command, {"no_add_missing": False}).add_missing is None
