"""What a user demands of a bundle before a command uses it: its digest, and the key that it is signed with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from airpack_runtime import layout
from airpack_runtime.errors import NotSigned
from airpack_runtime.format import signature

from airpack.audit.finding import ERROR, Finding
from airpack.base.errors import AuditFailed
from airpack.bundle.opened import OpenBundle
from airpack.results.folder import Results

REFUSED = "this is not the bundle that was asked for"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """The digest in hexadecimal that a bundle must have, and the public key; each is None if any will do."""

    digest: str | None = None
    key: str | None = None

    def check(self, opened: OpenBundle, *, name: str = "") -> None:
        """Raise AuditFailed, with each reason, if the open bundle is another one, or is not signed with the key.

        The reasons call it by its path, or by `name`.
        """
        path, actual = opened.file.path, opened.file.digest
        findings = other_digests([self.digest] if self.digest else [], name or path, actual)
        if self.key is not None:
            try:
                signature.check(path, layout.SIGNED_BUNDLE, actual, self.key)
            except NotSigned as error:
                findings.append(
                    Finding(severity=ERROR, package=name or path, sentence=error.problem, remedy=error.remedy)
                )
        if findings:
            raise AuditFailed([finding.message for finding in findings], verdict=REFUSED)

    def checked(self, results: Results) -> Results:
        """Return the results as those of the bundle that was checked: no other is opened by them.

        Raises as `check` does; BundleNotFound or BundleDamaged (of `airpack_runtime.errors`) as well.
        """
        if self.digest is None and self.key is None:
            return results
        with results.open_bundle() as opened:
            self.check(opened)
            return replace(results, digest=opened.file.digest)


ANY = Pins()


def other_digests(demanded: Sequence[str], name: str, actual: str) -> list[Finding]:
    """Return a finding for each digest that is demanded of what is called `name`, and is not the actual one."""
    sentences = [f"has the digest sha256:{actual}, not sha256:{each}" for each in demanded if each != actual]
    remedy = "it is another bundle: don't use it"
    return [Finding(severity=ERROR, package=name, sentence=each, remedy=remedy) for each in sentences]
