"""What commands and options of pip, uv, Poetry, conda, docker, pex and others are called here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RESOLVING = "pack lock wheelhouse"

# Words for a command that do what is meant.
SAME_COMMANDS: Mapping[str, str] = {
    **dict.fromkeys(("list", "show", "ls", "info"), "inspect"),
    **dict.fromkeys(("license", "licence", "licences"), "licenses"),
    "completions": "completion",
    "targets": "target",
    "pythons": "python",
}
SAME_ACTIONS: Mapping[str, str] = {
    "python uninstall": "python remove",
    "target --list": "target list",
    "config list": "config",
    "config show": "config",
    "config --list": "config",
}

_SHIM = "is a command of the shim, in the image: python airpack-runtime.pyz"
_PACK = "airpack pack -r requirements.txt -o dist"
_BUILD = f"{_PACK} resolves, fetches the wheels and makes the bundle"
_LOCK = "airpack lock -r requirements.txt -o pylock.toml"
_RUN = "airpack run DIST -- COMMAND runs a command with a bundle's packages"
_NO_ENVIRONMENT = f"airpack makes no environment: {_RUN}"
_ONE_FILE = f"{_PACK}; the one file is dist/bundle.tar.zst, which the shim boots (airpack shim -o airpack-runtime.pyz)"
_UNCHANGED = "a bundle is never changed: leave the requirement out, and pack again"
_CACHE = "the packer's cache is ~/.cache/airpack-pack, a folder that may be removed; the one of the image"
_SEND = "airpack push DIST REGISTRY/REPOSITORY:TAG, or airpack upload DIST URL"
_NO_IMAGES = "airpack keeps no images: podman images lists this machine's; airpack pull REGISTRY/REPOSITORY:TAG -o DIST"
_DIGEST = "airpack inspect DIST tells the digest"
_LEAVE_OUT = "leave that word out; pip's options are airpack's as well"
COMMANDS_ELSEWHERE: Mapping[str, str] = {
    "exec": f"it {_SHIM} exec -- COMMAND; here it is airpack run DIST -- COMMAND",
    "doctor": f"it {_SHIM} doctor; here airpack verify DIST checks what was packed",
    "unpack": f"it {_SHIM} unpack DIR; here it is airpack extract DIST -o DIR",
    "umount": f"it {_SHIM} umount",
    "mount": "airpack pack --image squashfs writes what a boot mounts",
    "cache": f"{_CACHE} {_SHIM} cache list",
    **dict.fromkeys(("clean", "prune", "purge"), f"{_CACHE} {_SHIM} cache prune"),
    "install": f"nothing is installed here: {_BUILD}, and the shim provides it in the image",
    "add": f"a requirement is added to your requirements file; then {_PACK}",
    "wheel": f"{_PACK}; the wheels are in dist/wheelhouse",
    "wheels": "airpack wheelhouse -r requirements.txt -o wheels",
    "vendor": "airpack pack -r requirements.txt --tree DIR writes a plain folder as well",
    **dict.fromkeys(("sync", "build", "bundle", "package", "make", "create-bundle"), _BUILD),
    **dict.fromkeys(("compile", "resolve", "export"), _LOCK),
    "freeze": f"{_LOCK}; airpack inspect DIST lists what was packed",
    **dict.fromkeys(("update", "upgrade"), f"{_LOCK} -U resolves anew"),
    "outdated": f"{_LOCK} -U --dry-run shows what would change",
    "plan": f"{_PACK} --dry-run",
    "why": "airpack tree DIST --invert NAME",
    "graph": "airpack tree DIST; airpack report DIST draws it",
    "check": "airpack audit DIST, for whether it can work in the image; airpack verify DIST, for damage",
    "validate": "airpack verify DIST checks every byte",
    "test": "airpack verify DIST imports what was packed; airpack run DIST -- COMMAND runs your own tests with it",
    "import": "airpack verify DIST imports what was packed",
    "scan": "airpack sbom DIST -o sbom.json writes what scanners of vulnerabilities read",
    "init": "airpack needs no project: airpack pack REQUIREMENT ... -o dist",
    **dict.fromkeys(("uninstall", "remove", "rm"), _UNCHANGED),
    "login": "podman login, or docker login: airpack reads their credentials",
    "logout": "podman logout, or docker logout: airpack has no credentials of its own",
    "unzip": "airpack extract DIST -o DIR",
    **dict.fromkeys(("pex", "shiv", "zipapp", "conda-pack", "venv-pack"), _ONE_FILE),
    **dict.fromkeys(("zip", "archive", "tar"), f"{_ONE_FILE}; tar --zstd -tf lists it"),
    **dict.fromkeys(("create", "env", "venv", "activate", "shell", "virtualenv"), _NO_ENVIRONMENT),
    **dict.fromkeys(("x", "tool", "start", "boot"), _RUN),
    "search": "airpack asks the package index for names alone: search there",
    "self": "airpack is updated by the pip that installed it",
    **dict.fromkeys(("publish", "deploy", "send"), f"{_SEND}; airpack azureml DIST lays out a deployment"),
    **dict.fromkeys(("images", "load", "ps"), _NO_IMAGES),
    "save": "airpack oci DIST -o LAYOUT writes an image's files; bundle.tar.zst itself can be carried as it is",
    "tag": "the tag is a part of the name: airpack push DIST REGISTRY/REPOSITORY:TAG",
    **dict.fromkeys(("hash", "digest", "sha256", "checksum"), _DIGEST),
    **dict.fromkeys(("serve", "server", "mirror"), "airpack index DIST -o simple writes files for any web server"),
    **dict.fromkeys(("platform", "platforms"), "airpack target list"),
    **dict.fromkeys(("pip", "uv"), f"{_LEAVE_OUT}: {_PACK}"),
    **dict.fromkeys(
        ("docker", "podman"), "leave that word out: airpack push and airpack pull ask registries themselves"
    ),
    **dict.fromkeys(("poetry", "pipenv", "conda"), "its lock is read: airpack pack -r LOCK -o dist"),
}
# Options in the place of a command.
FIRST_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("--show-completion", "--install-completion"), "airpack completion bash, zsh or fish prints it"),
}
ACTIONS_ELSEWHERE: Mapping[str, str] = {
    "config set": "options are set in pyproject.toml, [tool.airpack], or by variables: airpack config COMMAND",
    "config get": "airpack config COMMAND shows a command's options",
    "python find": "airpack python list",
    "python pin": "the image's Python is a part of --target cp310-manylinux_2_28_x86_64",
    "python upgrade": "airpack python remove VERSION, then airpack python install VERSION",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """Options of another tool, what they are called here, and the commands on which people type them."""

    words: str
    here: str
    commands: str = RESOLVING

    def is_of(self, command: str) -> bool:
        """Return whether people type them on this command."""
        return command in self.commands.split() or self.commands == "*"


_OUTPUT = "the folder of the results is -o DIR"
_IMAGE = "the image's Python and platform are one name: --target cp310-manylinux_2_28_x86_64"
_DOWNLOAD = "airpack download fetches what airpack upload put to a URL; what pip downloads is packed by airpack pack"
_NO_CONTAINER = "airpack run starts no container: the command has this process's files and environment"
OPTIONS_ELSEWHERE = (
    Option(words="-t", here=f"{_OUTPUT}, and the image is --target NAME"),
    Option(words="-d --dest --destination-directory --prefix --root", here=_OUTPUT),
    Option(words="-w --wheel-dir", here=f"{_OUTPUT}, and the wheels are in DIR/wheelhouse"),
    Option(words="--output-dir --out-dir --dist", here=_OUTPUT, commands="pack pack-all pull download extract oci"),
    Option(words="--output-file --out", here="the file is -o FILE", commands="lock sbom report"),
    Option(words="-C -d --directory", here="the folder is -o DIR", commands="extract"),
    Option(words="--platform --python-platform --implementation --abi --manylinux", here=_IMAGE),
    Option(words="--complete-platform", here="a profile of pex's or of airpack probe is --target PROFILE.json"),
    Option(words="--default-index", here="the index in place of PyPI is -i URL"),
    Option(words="--index", here="the index in place of PyPI is -i URL, one besides it is --extra-index-url URL"),
    Option(words="--channel", here="conda's channels are not asked: airpack help pack, --conda-from-index"),
    Option(words="--no-compile --no-compile-bytecode", here="bytecode is left out by --no-bytecode", commands="pack"),
    Option(words="--prerelease --allow-prereleases", here="pre-releases are taken with --pre"),
    Option(words="--all-extras --extras -E", here="each extra is named: --extra NAME"),
    Option(words="--dev --with --all-groups --only-group", here="a group is named: --group dev"),
    Option(words="--only --without --no-group", here="groups are left out unless --group names them"),
    Option(words="--frozen --locked", here="a lock that exists is packed exactly by airpack pack --lock pylock.toml"),
    Option(words="--override --overrides", here="a version is forced by a constraint: -c FILE"),
    Option(words="--resolution", here="the newest that fits is taken; older ones are named by constraints: -c FILE"),
    Option(words="--no-build", here="wheels alone are taken with --only-binary :all:"),
    Option(words="--global-option --build-option", here="a setting for a build is -C KEY=VALUE"),
    Option(words="--universal", here="a lock is for one image: --target NAME; airpack pack-all packs for several"),
    Option(words="--file", here="a requirements file is -r FILE"),
    Option(
        words="-p", here="the image's Python is --python-version 3.10, an interpreter of this machine --python PATH"
    ),
    Option(words="-n --name --tag", here=f"{_OUTPUT}; an image gets its name by airpack push"),
    Option(
        words="-m --entry-point --console-script --scie --python-shebang",
        here="a bundle starts nothing: in the image, python airpack-runtime.pyz exec -- COMMAND",
    ),
    Option(words="--zip --format -z --compressed", here="a bundle is always bundle.tar.zst, smaller with --level 19"),
    Option(words="--no-cache --no-cache-dir --cache-dir", here="the cache is in the folder that XDG_CACHE_HOME names"),
    Option(words="--offline", here="no index is asked with --no-index, and wheels come from -f DIR"),
    Option(words="--ignore-requires-python", here="what says that it needs another Python is never taken"),
    Option(words="--report", here="airpack report DIST writes a page; --dry-run --json tells what would be packed"),
    Option(
        words="--python-preference --managed-python --no-managed-python --no-python-downloads",
        here="the interpreter is --python PATH; none is downloaded with --no-python-download",
    ),
    Option(words="--progress-bar", here="bars are turned off by --no-progress", commands="*"),
    Option(words="--no-color --no-colour", here="colours are turned off by --color never", commands="*"),
    Option(words="--debug --log", here="-v shows more", commands="*"),
    Option(words="--outdated", here=f"{_LOCK} -U --dry-run shows what would change", commands="inspect tree"),
    Option(words="--reverse --package -p --why", here="why a package is there is --invert NAME", commands="tree"),
    Option(words="--format --output-format", here="the SBOM is CycloneDX, as JSON", commands="sbom"),
    Option(words="--format", here="JSON is --json", commands="inspect tree licenses audit verify target config"),
    Option(
        words="--fail-on --allow-only", here="licences are refused by --deny SPDX or --allow SPDX", commands="licenses"
    ),
    Option(words="-r --requirement", here="what was packed is checked: airpack audit DIST", commands="audit verify"),
    Option(words="-k", here="the key is --key FILE", commands="sign verify run"),
    Option(words="--open --browser", here="the page is the file of -o FILE, for any browser", commands="report"),
    Option(
        words="--rm -it -i -t --env -e --volume --entrypoint --network --user --workdir -p --publish --name",
        here=_NO_CONTAINER,
        commands="run",
    ),
    Option(words="-r -d -c --requirement --dest --no-deps --platform", here=_DOWNLOAD, commands="download"),
    Option(
        words="--tls-verify --insecure --insecure-registry --dest-tls-verify --src-tls-verify --skip-tls-verify",
        here="a registry without TLS is asked with --plain-http; a certificate of your own is SSL_CERT_FILE",
        commands="push pull",
    ),
    Option(words="-a --all-tags", here="each image is pushed by its name: REGISTRY/REPOSITORY:TAG", commands="push"),
    Option(
        words="--creds --username --password -u", here="log in with podman login or docker login", commands="push pull"
    ),
    Option(words="--target", here="the target is an argument: airpack target show NAME", commands="target"),
    Option(words="-o --output", here="it is printed; JSON is --json", commands="inspect tree target config"),
    Option(words="-f", here="the files are listed by --files", commands="inspect"),
    Option(words="--depth -d", here="all of it is shown; --invert NAME shows why one is there", commands="tree"),
    Option(words="--sha256 --hash --checksum", here="the digest is --digest sha256:...", commands="verify push run"),
    Option(
        words="--certificate --certificate-identity --certificate-oidc-issuer --signature",
        here="the signature lies beside the bundle, and the key is --key NAME.pub",
        commands="verify",
    ),
    Option(words="-o --output", here="it is written beside the bundle, as bundle.tar.zst.sig", commands="sign"),
    Option(words="-t --type --bits", here="a key is Ed25519, and its files are -o NAME", commands="keygen"),
    Option(
        words="--profile --region --account-name", here="each store's own variables say so", commands="upload download"
    ),
    Option(words="--stat --name-only --name-status", here="each package is a line; --json has more", commands="diff"),
    Option(
        words="--global --local --user", here="there is one file, airpack.toml or pyproject.toml", commands="config"
    ),
    Option(words="--only-installed", here="all that it lists are installed", commands="python"),
    Option(
        words="--no-emit-index-url --no-header --no-annotate --strip-extras --emit-index-url --annotate",
        here="a lock is a pylock.toml (PEP 751), which has nothing of that",
    ),
    Option(
        words="-t -n --name --tag",
        here="the image's name is an argument: REGISTRY/REPOSITORY:TAG",
        commands="push pull",
    ),
)
_NOTHING_INSTALLED = "nothing is installed on this machine"
_ALWAYS_NEW = "each bundle is made anew"
# What other tools need, and airpack does anyway; with what it does.
NEEDLESS: Mapping[str, str] = {
    "--no-input": "airpack asks no questions",
    "--disable-pip-version-check": "airpack never looks for a newer pip",
    "--no-python-version-warning": "airpack never warns of an old Python",
    "--no-build-isolation": "sources are always built apart from what is installed here",
    "--use-pep517": "sources are always built by PEP 517",
    "--generate-hashes": "a lock always has the hash of each file",
    "--compile": "bytecode is compiled unless --no-bytecode is given",
    "--compile-bytecode": "bytecode is compiled unless --no-bytecode is given",
    "--upgrade": "each pack takes the newest versions that fit",
    "-U": "each pack takes the newest versions that fit",
    "--no-update": "a lock that exists keeps its versions",
    "--yes": "airpack asks no questions",
    "-y": "airpack asks no questions",
    "--no-dev": "groups are left out unless --group names them",
    "--no-root": "a project's requirements are packed; it is itself if -e names it",
    "--no-editable": "a project is packed as any",
    **dict.fromkeys(("--user", "--system", "--break-system-packages", "--no-warn-script-location"), _NOTHING_INSTALLED),
    **dict.fromkeys(("--ignore-installed", "-I", "--force-reinstall", "--reinstall"), _ALWAYS_NEW),
}
