"""Runs inside a subprocess: pip, prepared to resolve for another Python than its own.

Only `adapter` imports pip, and has each name of its internals that is used. The process reports to
`airpack.resolve.pip_process` by a pipe, one JSON object a line:

    {"bytes": N}                                    N more bytes have been downloaded
    {"hashed": URL, "sha256": DIGEST, "size": N}    a file has arrived whole
    {"requirements": [...], "legacy": {TEXT: R}}    the requirements that were asked for, normalised; those that only
                                                    older pips read, with what they are today
    {"provided": [{"name": NAME, "version": V}]}    the packages of the image that the result needs
    {"indexes": {name: URL}}                        the index that each project of a result is from
    {"several": {name: [URL, ...]}}                 projects of a result that more than one index has
    {"index_options": [...]}                        the places where pip looks, as options of its command line
    {"urls": {SHOWN: URL}, "provenance": {SHOWN: URL}, "sizes": {SHOWN: N}}
                                                    of the result's URLs without credentials, those with them, those of
                                                    the files' attestations, and the files' bytes, where they are known
    {"built": PATH, ...}                            a wheel was built from a source: the fields of `Built`
    {"deferred": NAME, ...}                         a source that must be compiled was not built: the rest of `Deferred`
    {"building": WHAT}                              a build begins: of what, and what for
    {"passed_over": [{"name": NAME, "version": V, "taken": V, "newest": BOOL, "reason": WHY}]}
                                                    newer versions that the result could have had
    {"unbuildable": [{"name": NAME, "version": V, "reason": WHY}]}  sources that can't be built, which others replace
    {"warning": TEXT}                               pip's own words
    {"yanked": "NAME VERSION", "reason": TEXT}      a version that was chosen although its author withdrew it
    {"replaced": PIN, "by": REQUIREMENT}            a pin of a lock that does not hold, as a requirement rules it out
    {"unhashed": URL, "place": PLACE}               a folder or repository that was taken beside lines with hashes
    {"netrc": PATH, "reason": TEXT}                 a file of passwords that pip can't read, and passes over
    {"skipped": URL, "status": N, "reason": TEXT}   a page that could not be read, of a resolve that succeeded
    {"failure": KIND, ...}                          the reason the command failed
    {"done": N}                                     pip's exit status: the last line of each request
"""
