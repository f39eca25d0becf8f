"""The peers, each run as its own documentation says: how its artifact is built, and how that becomes a first import.

Steps are lines of shell. In them stand for what a workload and a run have:

    {airpack} {python} {tools} {uv}   programs: airpack, the image's Python, a folder of peers from PyPI, uv
    {house} {lock}                    the wheels with their requirements.txt, and their pylock.toml
    {out}                             the folder that a build writes into; {artifact}, what it made
    {fresh}                           the run's own file system, which is the home and has the temporary folder
    {program}                         what is imported
"""

from __future__ import annotations

from dataclasses import dataclass

STEPS = ("build", "before, not timed", "tree", "import")
AIRPACK, SLIM, IMAGE = "airpack", "airpack --slim", "airpack --image erofs"
LIMIT, ON_DISK = "ready tree", "ready tree on disk"

_HOUSE = "--no-index --find-links {house} -r {house}/requirements.txt"
_PIP = "{tools}/python -m pip install -q --disable-pip-version-check " + _HOUSE
_INSTALL = f"{_PIP} --target {{out}}/tree"
_UV_TARGET = "{uv} pip install -q --python {python} --cache-dir {fresh}/uv " + _HOUSE + " --target "
_UV = _UV_TARGET + "{fresh}/tree"
_PEX = "{tools}/pex --pex-root {fresh}/.cache/pex --compile " + _HOUSE
_PACK = "{airpack} pack -q --lock {lock} --python {python} -o {out}/dist --drop-in {out}/dropin"
_SQUASHFS = "mksquashfs {out}/tree {out}/tree.squashfs -comp zstd -all-root -noappend -quiet -no-progress"


def _import_from(folder: str) -> str:
    return f"PYTHONPATH={folder} {{python}} -c '{{program}}'"


# Any folder that an earlier boot unpacked into would do for it: it is given one where none did.
_BOOT = "AIRPACK_CACHE_DIR={fresh} " + _import_from("{artifact}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """A way from wheels to a first import.

    `build` makes `artifact`; without, the wheelhouse is the artifact. `ready` makes the tree on {fresh} from it;
    without, `run` does so when it first starts. `prepare` comes before, and isn't timed. `needs` are commands and the
    Debian packages that have them; `root` says that only root may do so, `writes` that files are made on {fresh}.
    """

    run: str
    build: str = ""
    artifact: str = "{house}"
    ready: str = ""
    prepare: str = ""
    needs: tuple[tuple[str, str], ...] = ()
    root: bool = False
    writes: bool = True
    why: str = ""

    def steps(self) -> dict[str, str]:
        """Return the command lines by what they are for."""
        lines = (self.build, self.prepare, self.ready, self.run)
        return {name: line for name, line in zip(STEPS, lines, strict=True) if line}


PEERS = {
    AIRPACK: Peer(build=_PACK, artifact="{out}/dropin", run=_BOOT),
    SLIM: Peer(build=f"{_PACK} --slim", artifact="{out}/dropin", run=_BOOT),
    IMAGE: Peer(
        build=f"{_PACK} --image erofs",
        artifact="{out}/dist/bundle.erofs",
        run="AIRPACK_BUNDLE={artifact} AIRPACK_CACHE_DIR={fresh} " + _import_from("{out}/dropin"),
        needs=(("mkfs.erofs", "erofs-utils"),),
        root=True,
        writes=False,
        why="where airpack may mount, too",
    ),
    "pip --no-index": Peer(
        ready=_PIP + " --target {fresh}/tree",
        run=_import_from("{fresh}/tree"),
        why="Azure ML's dynamic method, from wheels on disk; hashes are checked, and pip compiles",
    ),
    "uv, cold cache": Peer(
        ready=_UV,
        run=_import_from("{fresh}/tree"),
        why="hashes are checked; the first import compiles what it imports, which is faster than to compile all",
    ),
    "uv, cold cache, compiling": Peer(
        ready=f"{_UV} --compile-bytecode",
        run=_import_from("{fresh}/tree"),
        why="as uv's documentation says for images",
    ),
    "uv, warm cache, hard links": Peer(
        prepare=f"{_UV} && rm -r {{fresh}}/tree",
        ready=f"{_UV} --link-mode hardlink",
        run=_import_from("{fresh}/tree"),
        why="its cache is on the same file system",
    ),
    "pex": Peer(build=f"{_PEX} -o {{out}}/app.pex", artifact="{out}/app.pex", run="{python} {artifact} -c '{program}'"),
    "pex --venv": Peer(
        build=f"{_PEX} --venv -o {{out}}/app.pex", artifact="{out}/app.pex", run="{python} {artifact} -c '{program}'"
    ),
    "shiv": Peer(
        build="{tools}/shiv -o {out}/app.pyz " + _HOUSE,
        artifact="{out}/app.pyz",
        run="{python} {artifact} -c '{program}'",
        why="without --compile-pyc, which compiles all at the first start, and takes twice as long",
    ),
    "venv-pack": Peer(
        build="{python} -m venv {out}/venv && {out}/venv/bin/python -m pip install -q --disable-pip-version-check "
        + _HOUSE
        + " && {tools}/venv-pack -q -p {out}/venv -o {out}/venv.tar.gz",
        artifact="{out}/venv.tar.gz",
        ready="mkdir {fresh}/venv && tar xzf {artifact} -C {fresh}/venv",
        run="{fresh}/venv/bin/python -c '{program}'",
    ),
    "tar xzf": Peer(
        build=_INSTALL + " && tar czf {out}/tree.tar.gz -C {out}/tree .",
        artifact="{out}/tree.tar.gz",
        ready="mkdir {fresh}/tree && tar xzf {artifact} -C {fresh}/tree",
        run=_import_from("{fresh}/tree"),
        needs=(("tar", "tar"), ("gzip", "gzip")),
    ),
    "tar --zstd": Peer(
        build=_INSTALL + " && ZSTD_CLEVEL=19 ZSTD_NBTHREADS=0 tar --zstd -cf {out}/tree.tar.zst -C {out}/tree .",
        artifact="{out}/tree.tar.zst",
        ready="mkdir {fresh}/tree && tar --zstd -xf {artifact} -C {fresh}/tree",
        run=_import_from("{fresh}/tree"),
        needs=(("zstd", "zstd"),),
    ),
    "uv + tar.zst": Peer(
        build=_UV_TARGET + "{out}/tree --compile-bytecode && ZSTD_CLEVEL=9 ZSTD_NBTHREADS=0 "
        "tar --zstd -cf {out}/tree.tar.zst -C {out}/tree .",
        artifact="{out}/tree.tar.zst",
        ready="mkdir {fresh}/tree && tar --zstd -xf {artifact} -C {fresh}/tree",
        run=_import_from("{fresh}/tree"),
        needs=(("zstd", "zstd"),),
        why="the fastest way to a compiled tree in a file, at airpack's own level",
    ),
    "unsquashfs": Peer(
        build=f"{_INSTALL} && {_SQUASHFS}",
        artifact="{out}/tree.squashfs",
        ready="unsquashfs -q -n -d {fresh}/tree {artifact}",
        run=_import_from("{fresh}/tree"),
        needs=(("unsquashfs", "squashfs-tools"),),
    ),
    "squashfs mount": Peer(
        build=f"{_INSTALL} && {_SQUASHFS}",
        artifact="{out}/tree.squashfs",
        ready="mkdir {fresh}/tree && mount -t squashfs -o ro,loop {artifact} {fresh}/tree",
        run=_import_from("{fresh}/tree"),
        needs=(("mksquashfs", "squashfs-tools"),),
        root=True,
        writes=False,
    ),
    "EROFS mount": Peer(
        build=_INSTALL + " && mkfs.erofs -zlz4hc --all-root --quiet {out}/tree.erofs {out}/tree",
        artifact="{out}/tree.erofs",
        ready="mkdir {fresh}/tree && mount -t erofs -o ro,loop {artifact} {fresh}/tree",
        run=_import_from("{fresh}/tree"),
        needs=(("mkfs.erofs", "erofs-utils"),),
        root=True,
        writes=False,
    ),
    "squashfuse": Peer(
        build=f"{_INSTALL} && {_SQUASHFS}",
        artifact="{out}/tree.squashfs",
        ready="mkdir {fresh}/tree && squashfuse_ll {artifact} {fresh}/tree",
        run=_import_from("{fresh}/tree"),
        needs=(("mksquashfs", "squashfs-tools"), ("squashfuse_ll", "squashfuse")),
        writes=False,
        why="squashfuse_ll, the faster of its two programs",
    ),
    "cp -r": Peer(
        build=_INSTALL,
        artifact="{out}/tree",
        ready="cp -r {artifact} {fresh}/tree",
        run=_import_from("{fresh}/tree"),
        why="what it copies is newer than its bytecode says, so that the first import compiles it again",
    ),
    "cp -a": Peer(
        build=_INSTALL,
        artifact="{out}/tree",
        ready="cp -a {artifact} {fresh}/tree",
        run=_import_from("{fresh}/tree"),
        why="files keep their times, and bytecode is valid",
    ),
    LIMIT: Peer(
        build=_INSTALL,
        artifact="{out}/tree",
        prepare="cp -a {artifact} {fresh}/tree",
        run=_import_from("{fresh}/tree"),
        why="the limit: nothing to do but the import",
    ),
    ON_DISK: Peer(
        build=_INSTALL,
        artifact="{out}/tree",
        run=_import_from("{artifact}"),
        writes=False,
        why="the limit where the page cache is cold, which a tmpfs never is",
    ),
}
