"""Provenance objects (PEP 740) in the shape in which PyPI serves them; their signatures are no real ones."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

GITHUB = {"environment": "", "kind": "GitHub", "repository": "team/one", "workflow": "release.yml"}


def provenance(
    file: Path, publisher: dict[str, Any] | None = None, *, name: str = "", sha256: str = ""
) -> dict[str, Any]:
    """Return the provenance object of a file, by one publisher; `name` and `sha256` forge what it is of."""
    digest = sha256 or hashlib.sha256(file.read_bytes()).hexdigest()
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name or file.name, "digest": {"sha256": digest}}],
        "predicateType": "https://docs.pypi.org/attestations/publish/v1",
        "predicate": None,
    }
    envelope = {"statement": _encoded(json.dumps(statement).encode()), "signature": _encoded(bytes(70))}
    entry = {
        "logIndex": "151981312",
        "logId": {"keyId": "wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0="},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": "1731525120",
        "inclusionPromise": {"signedEntryTimestamp": _encoded(bytes(70))},
        "canonicalizedBody": _encoded(b"{}"),
    }
    material = {"certificate": _encoded(bytes(700)), "transparency_entries": [entry]}
    attestation = {"envelope": envelope, "verification_material": material, "version": 1}
    bundle = {"attestations": [attestation], "publisher": {**GITHUB, "claims": None, **(publisher or {})}}
    return {"attestation_bundles": [bundle], "version": 1}


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
