"""Runs inside a subprocess: pip, prepared to resolve for another Python than its own.

This package is all that touches pip's internals. It talks to `airpack.resolve.pip` by one JSON object a line on a pipe:

    {"bytes": N}                                    N more bytes have been downloaded
    {"hashed": URL, "sha256": DIGEST, "size": N}    a file that has arrived whole
    {"requirements": [...]}                         what was asked for, normalised
    {"provided": [{"name": NAME, "version": V}]}    what the image has and the result needs
    {"index_options": [...]}                        where pip looks, by options of its command line
    {"urls": {SHOWN: URL}}                          the URLs of the result that hide credentials
    {"built": PATH, "by_host": BOOL, "settings": {}}                a wheel built from an sdist, and by whose Python
    {"failure": KIND, ...}                          why the command failed; the last line
"""
