"""Where headers come from: the libraries that builds of well-known projects look for, by Debian's packages."""

from __future__ import annotations

from types import MappingProxyType

# By the header, or the folder that it lies in.
_PACKAGES = MappingProxyType(
    {
        "Python.h": "python3-dev, or give --python PATH to a Python that has its headers",
        "X11": "libx11-dev",
        "alsa": "libasound2-dev",
        "boost": "libboost-dev",
        "bzlib.h": "libbz2-dev",
        "cairo.h": "libcairo2-dev",
        "curl": "libcurl4-openssl-dev",
        "Eigen": "libeigen3-dev",
        "expat.h": "libexpat1-dev",
        "ffi.h": "libffi-dev",
        "freetype": "libfreetype-dev",
        "ft2build.h": "libfreetype-dev",
        "gdal.h": "libgdal-dev",
        "geos_c.h": "libgeos-dev",
        "git2.h": "libgit2-dev",
        "gmp.h": "libgmp-dev",
        "graphviz": "libgraphviz-dev",
        "gssapi": "libkrb5-dev",
        "hdf5.h": "libhdf5-dev",
        "jpeglib.h": "libjpeg-dev",
        "krb5.h": "libkrb5-dev",
        "lber.h": "libldap-dev",
        "ldap.h": "libldap-dev",
        "leveldb": "libleveldb-dev",
        "libpq-fe.h": "libpq-dev",
        "librdkafka": "librdkafka-dev",
        "libxml": "libxml2-dev",
        "libxslt": "libxslt1-dev",
        "lzma.h": "liblzma-dev",
        "mpfr.h": "libmpfr-dev",
        "mysql.h": "default-libmysqlclient-dev",
        "netcdf.h": "libnetcdf-dev",
        "openssl": "libssl-dev",
        "portaudio.h": "portaudio19-dev",
        "proj.h": "libproj-dev",
        "readline": "libreadline-dev",
        "sasl": "libsasl2-dev",
        "snappy-c.h": "libsnappy-dev",
        "sndfile.h": "libsndfile1-dev",
        "sodium.h": "libsodium-dev",
        "sql.h": "unixodbc-dev",
        "sqlite3.h": "libsqlite3-dev",
        "uuid": "uuid-dev",
        "yaml.h": "libyaml-dev",
        "zlib.h": "zlib1g-dev",
        "zmq.h": "libzmq3-dev",
    }
)


def remedy(header: str, *, by_zig: bool) -> str:
    """Return how to get a header, or a library, as it goes on after a sentence that it is missing.

    A build `by_zig` doesn't see those of this machine, whose libraries need this machine's glibc.
    """
    package = _PACKAGES.get(header) or _PACKAGES.get(header.partition("/")[0])
    if by_zig and header != "Python.h":
        place = "a system as old as the image that has it" + (f" (Debian: {package})" if package else "")
        return f": build its wheel on {place}, and give its folder with --find-links"
    return f": install it (Debian: {package})" if package else ": install the package that has it"
