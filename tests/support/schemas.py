"""Checks by JSON schemas. What reads them is imported by the test that needs it: that takes two seconds."""

from __future__ import annotations


def check_sbom(text: str) -> None:
    """Assert that a text is an SBOM by the schema of CycloneDX 1.6, at its strictest."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
