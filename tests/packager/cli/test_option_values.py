"""Values for options that are not words of a command line."""

from __future__ import annotations

from airpack.cli.words import option_values, parsers


def test_a_flag_that_is_false_sets_nothing() -> None:
    """Neither itself, nor what it would set for another option: `--release` is a `--level`."""
    command = parsers.build(["pack"])[1].choices["pack"]
    arguments = option_values.namespace(command, {"slim": False, "release": False})
    assert (arguments.slim, arguments.level) == (False, 9)
    assert option_values.namespace(command, {"slim": True, "release": True}).level == 19
