"""The C library of each distribution that images are made of, and so the newest wheels that it accepts.

Sources: for glibc, the table of the project pep600_compliance, which installs each distribution and asks it
(https://github.com/mayeut/pep600_compliance, as of August 2026), RHEL's derivatives like RHEL; for Azure Linux and its
predecessor Mariner, SPECS/glibc/glibc.spec in https://github.com/microsoft/azurelinux; for openSUSE Leap and SLES
before 15.5 and Fedora before 39, their own release notes. For musl, https://pkgs.alpinelinux.org and what
https://github.com/pypa/manylinux says of its images: Alpine up to 3.12 has musl 1.1, 3.13 and newer have 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

# The platform that each accepts (PEP 600, PEP 656), without the machine, and the distributions by NAME and versions.
_BY_PLATFORM: Mapping[str, str] = {
    "manylinux_2_17": "rhel7 amazonlinux1",
    "manylinux_2_19": "debian8 ubuntu14.04",
    "manylinux_2_23": "ubuntu16.04",
    "manylinux_2_24": "debian9",
    "manylinux_2_26": "amazonlinux2 opensuse15.0 opensuse15.1 opensuse15.2 sles15.0 sles15.1 sles15.2",
    "manylinux_2_27": "ubuntu18.04",
    "manylinux_2_28": "debian10 rhel8",
    "manylinux_2_31": "debian11 ubuntu20.04 opensuse15.3 opensuse15.4 opensuse15.5 sles15.3 sles15.4 sles15.5",
    "manylinux_2_32": "photon4",
    "manylinux_2_34": "rhel9 amazonlinux2023",
    "manylinux_2_35": "ubuntu22.04 mariner2",
    "manylinux_2_36": "debian12 photon5 fedora37",
    "manylinux_2_37": "ubuntu23.04 fedora38",
    "manylinux_2_38": "azurelinux3 ubuntu23.10 opensuse15.6 sles15.6 fedora39",
    "manylinux_2_39": "rhel10 ubuntu24.04 fedora40",
    "manylinux_2_40": "ubuntu24.10 opensuse16.0 fedora41",
    "manylinux_2_41": "debian13 ubuntu25.04 fedora42",
    "manylinux_2_42": "ubuntu25.10 fedora43",
    "manylinux_2_43": "ubuntu26.04 fedora44",
    "musllinux_1_1": "alpine3.9 alpine3.10 alpine3.11 alpine3.12",
    "musllinux_1_2": "alpine3.13 alpine3.14 alpine3.15 alpine3.16 alpine3.17 alpine3.18 alpine3.19 alpine3.20 "
    "alpine3.21 alpine3.22 alpine3.23",
}
# Distributions that are built from RHEL's sources, and have its versions.
_LIKE_RHEL = ("centos", "oraclelinux", "ubi")
_SINCE_RHEL_8 = ("rocky", "almalinux")
# Other words for the same: the code names of releases, and what images are called on their registries.
ALIASES: Mapping[str, str] = {
    "jessie": "debian8",
    "stretch": "debian9",
    "buster": "debian10",
    "bullseye": "debian11",
    "bookworm": "debian12",
    "trixie": "debian13",
    "trusty": "ubuntu14.04",
    "xenial": "ubuntu16.04",
    "bionic": "ubuntu18.04",
    "focal": "ubuntu20.04",
    "jammy": "ubuntu22.04",
    "noble": "ubuntu24.04",
    "resolute": "ubuntu26.04",
}
FAMILIES: Mapping[str, str] = {
    "redhat": "rhel",
    "el": "rhel",
    "rockylinux": "rocky",
    "alma": "almalinux",
    "oracle": "oraclelinux",
    "amzn": "amazonlinux",
    "amazon": "amazonlinux",
    "al": "amazonlinux",
    "cblmariner": "mariner",
    "opensuseleap": "opensuse",
    "leap": "opensuse",
    "sle": "sles",
    "centosstream": "centos",
}


def platforms() -> dict[str, str]:
    """Return the newest platform that each distribution accepts, without the machine, by names like `ubuntu22.04`."""
    return dict(_listed())


def _listed() -> Iterator[tuple[str, str]]:
    for platform, names in _BY_PLATFORM.items():
        for name in names.split():
            yield name, platform
            if name.startswith("rhel"):
                like = _LIKE_RHEL if name == "rhel7" else (*_LIKE_RHEL, *_SINCE_RHEL_8)
                yield from ((name.replace("rhel", family), platform) for family in like)
