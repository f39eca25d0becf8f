"""JSON objects are read field by field, and an error names the path of the bad value."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from airpack.results.fields import BadField, Fields

DATA = {
    "text": "a",
    "number": 1,
    "yes": True,
    "null": None,
    "long": ["x" * 100],
    "texts": ["a", "b"],
    "mixed": ["a", 1],
    "object": {"inner": {"number": "1"}},
    "objects": [{"text": "a"}, {"text": 2}],
    "rows": [{}, 3],
}


def test_each_type_is_read() -> None:
    """A field that is null counts as missing."""
    fields = Fields(DATA)
    assert fields.text("text") == "a"
    assert fields.number("number") == 1
    assert fields.texts("texts") == ("a", "b")
    assert fields.mapping("object") == {"inner": {"number": "1"}}
    assert [entry.number("number") for entry in Fields({"list": [{"number": 5}]}).objects("list")] == [5]
    assert fields.rows("objects") == [{"text": "a"}, {"text": 2}]
    assert fields.rows("null") == fields.rows("absent") == ()
    assert "text" in fields
    assert "null" not in fields
    assert "absent" not in fields


@pytest.mark.parametrize("control", ["\x1b", "\n", "\x85", "\u2028"])
def test_a_text_with_a_control_character_is_refused(control: str) -> None:
    """It may become the name of a file, or a line that is shown."""
    fields = Fields({"a": f"x{control}", "b": ["y", f"x{control}"]})
    with pytest.raises(BadField, match=r"^a has a control character$"):
        fields.text("a")
    with pytest.raises(BadField, match=r"^b\[1\] has a control character$"):
        fields.texts("b")


@pytest.mark.parametrize(
    ("read", "path", "problem"),
    [
        (lambda fields: fields.text("absent"), "absent", "is missing"),
        (lambda fields: fields.text("null"), "null", "is missing"),
        (lambda fields: fields.text("number"), "number", "is 1, not text"),
        (lambda fields: fields.number("text"), "text", 'is "a", not a number'),
        (lambda fields: fields.number("yes"), "yes", "is true, not a number"),
        (lambda fields: fields.text("long"), "long", f'is ["{"x" * 38}..., not text'),
        (lambda fields: fields.texts("mixed"), "mixed[1]", "is not text"),
        (lambda fields: fields.mapping("texts"), "texts", 'is ["a", "b"], not a JSON object'),
        (lambda fields: fields.rows("rows"), "rows[1]", "is not a JSON object"),
        (lambda fields: fields.object("object").text("inner"), "object.inner", 'is {"number": "1"}, not text'),
        (
            lambda fields: fields.object("object").object("inner").number("number"),
            "object.inner.number",
            'is "1", not a number',
        ),
        (lambda fields: fields.objects("objects")[1].text("text"), "objects[1].text", "is 2, not text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_field_is_named_by_its_path(read: Callable[[Fields], object], path: str, problem: str) -> None:
    """From the outermost object on."""
    with pytest.raises(BadField) as caught:
        read(Fields(DATA))
    assert (caught.value.path, caught.value.problem) == (path, problem)
    assert str(caught.value) == f"{path} {problem}"


def test_what_is_no_object_has_no_fields() -> None:
    """The outermost has no path."""
    with pytest.raises(BadField) as caught:
        Fields([])
    assert str(caught.value) == "is not a JSON object"


def test_a_value_that_makes_no_sense_has_an_error() -> None:
    """For whoever reads more into a value than its type."""
    assert str(Fields(DATA, "packages[0]").bad("text", "is odd")) == "packages[0].text is odd"


@pytest.mark.parametrize("number", [-1, 1 << 63, 10**400])
def test_a_number_that_nothing_can_be_is_refused(number: int) -> None:
    """No size, time or count is: dividing it for a picture would fail."""
    with pytest.raises(BadField) as raised:
        Fields({"took": number}).number("took")
    assert str(raised.value) == "took is a number that nothing here can be"
