"""Results -> Facts: all that the report tells of a bundle, and how it differs from another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airpack_runtime.format.toc import File, Need
from packaging.utils import NormalizedName, canonicalize_name

from airpack.audit.finding import Finding
from airpack.base.console import Progress
from airpack.base.errors import AirpackError
from airpack.bundle.opened import OpenBundle
from airpack.inspection import graph, licence_texts
from airpack.inspection.graph import Graph
from airpack.inspection.inventory import Inventory
from airpack.inspection.licence_texts import LicenceText
from airpack.inspection.summary import BundleSummary
from airpack.licences.licence import Licence
from airpack.report import review
from airpack.report.review import Reading, Review
from airpack.results.folder import Results
from airpack.results.manifest import Manifest
from airpack.results.proof import ProofRecord
from airpack.verify import audited

_BUNDLE_ALONE = "there are no wheels beside a bundle that came alone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the report tells of a bundle.

    `files`, `licences` and `licence_files` are those of each package; `texts` are the files' by SHA-256, one that is
    too large is missing. `findings` are the audit's, None with `not_audited`, the reason. `manifest` and `proof` are
    None unless they lie beside the bundle and are of it. `signed` says that a signature lies there, which nobody has
    checked. `review` tells how it differs from the bundle that the report compares with, if any.
    """

    summary: BundleSummary
    inventory: Inventory
    graph: Graph
    files: Mapping[NormalizedName, Sequence[File]]
    licences: Mapping[NormalizedName, Licence]
    licence_files: Mapping[NormalizedName, Sequence[LicenceText]]
    texts: Mapping[str, str]
    needs: Sequence[Need]
    manifest: Manifest | None
    signed: bool
    findings: Sequence[Finding] | None
    not_audited: str
    proof: ProofRecord | None
    review: Review | None


def collect(results: Results, opened: OpenBundle, old: Results | None, *, jobs: int, progress: Progress) -> Facts:
    """Return the facts of the bundle `opened`, which lies in `results`; `old` is what to compare with.

    Raises BundleNotFound (for `old`) or BundleDamaged (of `airpack_runtime.errors`).
    """
    about, digest = Reading.of(results, opened), opened.file.digest
    shares = {canonicalize_name(share.name): share for share in opened.toc.distributions}
    brought = {key: licence_texts.texts_of(opened, share) for key, share in shares.items()}
    findings, not_audited = _audit(results, jobs, progress)
    return Facts(
        summary=about.summary,
        inventory=about.inventory,
        graph=graph.of(about.inventory, about.summary),
        files={key: opened.toc.files[slice(*share.files)] for key, share in shares.items()},
        licences={canonicalize_name(name): known for name, known in about.licences.items()},
        licence_files=brought,
        texts=licence_texts.read(opened, [text for texts in brought.values() for text in texts]),
        needs=opened.toc.needs,
        manifest=None if results.is_alone else results.manifest_of(digest),
        signed=results.signature() is not None,
        findings=findings,
        not_audited=not_audited,
        proof=results.imports(digest),
        review=None if old is None else _review(old, about),
    )


def _review(old: Results, new: Reading) -> Review:
    with old.open_bundle() as opened:
        return review.compare(Reading.of(old, opened), new)


def _audit(results: Results, jobs: int, progress: Progress) -> tuple[Sequence[Finding] | None, str]:
    """Return what the audit of the wheels beside a bundle finds; None, and the reason, if they can't be audited."""
    if results.is_alone:
        return None, _BUNDLE_ALONE
    try:
        with progress.stage("audit", "wheels") as advance:
            verdict = audited.audit_results(results, None, jobs=jobs)
            advance(verdict.wheels)
    except (AirpackError, OSError) as error:
        return None, str(error)
    return verdict.findings, ""
