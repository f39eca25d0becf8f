"""Inventory -> SBOM: CycloneDX 1.6 as JSON, by cyclonedx-python-lib; the same bundle gives the same bytes.

The library comes with the extra `airpack[sbom]`: `inspection.sbom_writer` alone imports this module.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

from airpack_runtime import layout
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from airpack.base.urls import LOCAL
from airpack.inspection.inventory import Inventory, Library, PackageRecord
from airpack.inspection.sboms_in_wheels import Budget, components_of
from airpack.sources.source import sdist_hash

# PyPI's classifiers that mean exactly one licence of SPDX's list; others, such as "BSD License", may mean several.
_SPDX = {
    "Academic Free License (AFL)": "AFL-3.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}
_PYPI = "https://files.pythonhosted.org/"  # where PyPI's files are, which a purl of type `pypi` implies
_LONGEST_NAME = 100  # characters: a longer text is the licence itself, and its first line serves as the name


def dumps(inventory: Inventory) -> str:
    """Return the SBOM of a bundle as JSON (CycloneDX 1.6).

    It holds no time, and its serial number is derived from the bundle's digest.
    """
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"sha256:{inventory.digest}"))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # the schema allows omitting it
    bom.metadata.tools.components.add(_tool(inventory.creator))
    root = bom.metadata.component = _root(inventory)
    budget = Budget()
    components = {package.key: _component(package, budget) for package in inventory.packages}
    bom.components.update(components.values())
    bom.register_dependency(root, [components[key] for key in inventory.asked])
    for package in inventory.packages:
        own = components[package.key]
        bom.register_dependency(own, [components[key] for key in package.needs if key != package.key])
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    return json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


def _tool(creator: str) -> Component:
    name, _, version = creator.partition(" ")
    return Component(name=name, version=version, type=ComponentType.APPLICATION)


def _root(inventory: Inventory) -> Component:
    """Return the component that stands for the bundle itself."""
    properties = {"digest": inventory.digest, "content_digest": inventory.content_digest, "target": inventory.target}
    return Component(
        name=layout.BUNDLE_NAME,
        version=f"sha256:{inventory.digest}",
        type=ComponentType.APPLICATION,
        bom_ref=f"sha256:{inventory.digest}",
        properties=[Property(name=f"airpack:{key}", value=value) for key, value in properties.items()],
    )


def _component(package: PackageRecord, budget: Budget) -> Component:
    purl = _purl(package)
    references = [
        ExternalReference(
            type=ExternalReferenceType.BOM,
            url=XsUri(document.path),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=document.sha256)],
            comment="brought by the wheel (PEP 770)",
        )
        for document in package.documents
    ]
    return Component(
        name=package.key,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        description=package.summary or None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.sha256)],
        properties=list(_properties(package)),
        licenses=list(_licences(package)),
        external_references=references,
        components=[_library(library) for library in package.libraries]
        + [component for document in package.documents for component in components_of(document, budget)],
    )


def _properties(package: PackageRecord) -> Iterator[Property]:
    """Yield what CycloneDX has no field for: what a wheel was built from, and who attests it."""
    if package.built_from:
        yield Property(name="airpack:built_from", value=package.built_from)
    for publisher in package.attested_by:  # the name says that nobody has verified the signature
        yield Property(name="airpack:unverified_attestation_by", value=publisher)


def _purl(package: PackageRecord) -> PackageURL:
    """Return the package URL (the purl specification): of type `pypi` only for what an index has, or may have.

    Scanners look up a package of that type on PyPI by its name alone, and a project of one's own is none of those.
    """
    qualifiers = {"file_name": package.wheel}
    if package.built_from and not sdist_hash(package.built_from):
        if not package.built_from.startswith(LOCAL):
            qualifiers[_source_qualifier(package)] = package.built_from
        return PackageURL("generic", None, package.key, package.version, qualifiers)
    if package.url and not package.url.startswith(_PYPI):
        qualifiers["download_url"] = package.url
    return PackageURL("pypi", None, package.key, package.version, qualifiers)


def _source_qualifier(package: PackageRecord) -> str:
    """Return the qualifier that names the source of a built wheel: a repository, or an archive."""
    scheme = package.built_from.partition("://")[0]
    return "vcs_url" if "+" in scheme else "download_url"


def _licences(package: PackageRecord) -> Iterator[License]:
    """Yield the licences that the metadata declares: an expression, classifiers, or text."""
    factory, declared = LicenseFactory(), LicenseAcknowledgement.DECLARED
    if package.licence_expression:
        yield factory.make_from_string(package.licence_expression, license_acknowledgement=declared)
        return
    for text in package.licences:
        name = _SPDX.get(text, text.splitlines()[0][:_LONGEST_NAME])
        yield factory.make_from_string(name, license_acknowledgement=declared)


def _library(library: Library) -> Component:
    return Component(
        name=library.name,
        version=library.version or None,
        type=ComponentType.LIBRARY,
        bom_ref=library.path,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=library.sha256)],
        properties=[Property(name="airpack:path", value=library.path)],
    )
