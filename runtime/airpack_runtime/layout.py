"""The bundle format, version 1. Its names and numbers stand only here.

A bundle is one file of zstd frames (RFC 8878) whose content, in order, is one
POSIX tar, followed by three skippable frames:

    frame *                   at most FRAME_LIMIT bytes of tar each
    skippable DECODER_MAGIC   the decoder: a zstd extension module for the target, zlib-compressed
    skippable TOC_MAGIC       the heading line with the CRC-32 of the rest, then the table of contents: JSON, by zlib
    skippable SEEK_MAGIC      the seek table of the zstd seekable format 0.1.0, listing all before it

The SHA-256 of the TOC frame's content, heading included, is the bundle digest:
it pins the frames and the decoder, because the TOC holds their SHA-256.

A distribution's frames, its lines of SHA256SUMS and its part of the TOC depend on that distribution alone: when
another one changes, they move, but their bytes stay the same.

The packager writes by this module and the shim reads by it, so that the two can't differ:
`format.toc` decodes the table of contents, `format.framing` has the frames around it.
Nothing is imported here, because every warm start imports this module. From a zipapp it is compiled each time, as are
`host`, `ready`, `startup`: none of them has f-strings, each of which Python 3.7 parses like a module of its own.
"""

FORMAT = 1
BUNDLE_NAME = "bundle.tar.zst"

# Folders of a tree, which is a prefix as `venv` makes one; wheels may lie beside a bundle, or in its tree.
LIB = "lib"  # with pythonX.Y/site-packages, which goes onto sys.path
BIN = "bin"
WHEELHOUSE = "wheelhouse"
# How each Python script of a tree begins: a program for sh. `exec` knows scripts by it, and does without sh.
LAUNCHER = "#!/bin/sh\n'''exec' \"${AIRPACK_PYTHON:-"
# The list of every file's SHA-256, for `sha256sum -c`; in frames of its own, which a boot doesn't read.
SUMS = "SHA256SUMS"
# A bundle's tree as an image to mount, beside the bundle (`pack --image`): for the kernel, or for FUSE.
IMAGE_NAMES = ("bundle.squashfs", "bundle.erofs")
# The note in a plain tree and in an image, which says of which bundle it is the tree (`tree_note`).
TREE_NOTE = "airpack-tree.json"
# The signature beside a bundle, an image or a tree's note, as `format.signature` writes it.
SIGNATURE_SUFFIX = ".sig"
SIGNATURE_NAMES = tuple(name + SIGNATURE_SUFFIX for name in (BUNDLE_NAME, *IMAGE_NAMES))
# The files at the top of a tree that airpack itself writes.
TREE_FILES = (TREE_NOTE, TREE_NOTE + SIGNATURE_SUFFIX, SUMS)
SIGNATURE_HEADING = "airpack-signature"
SIGNED_BUNDLE, SIGNED_IMAGE, SIGNED_TREE = "bundle", "image", "tree"
# The beginning of every Ed25519 public key: SubjectPublicKeyInfo in base64 (RFC 8410).
PUBLIC_KEY_START = "MCowBQYDK2VwAyEA"

# How `built_from` begins of what was built from a folder or a file of the machine that packed it.
LOCAL = "local"

FRAME_LIMIT = 4 << 20
STORED_FRAME_LIMIT = 2 * FRAME_LIMIT  # data that doesn't compress grows, but by much less
WINDOW_LOG_LIMIT = 22  # a window never exceeds FRAME_LIMIT
TAR_BLOCK = 512

ZSTD_MAGIC = 0xFD2FB528
DECODER_MAGIC = 0x184D2A51
TOC_MAGIC = 0x184D2A52
SEEK_MAGIC = 0x184D2A5E
SEEK_FOOTER_MAGIC = 0x8F92EAB1

SEEK_CHECKSUM_FLAG = 0x80

HEADING = b"airpack-bundle"
HEADING_LIMIT = 256
# A TOC takes about 100 bytes a file: these limits leave room for half a million files.
TOC_STORED_LIMIT = 32 << 20
ENTRIES_LIMIT = 600_000  # files, links, frames and distributions
DEPTH_LIMIT = 100  # of folders in folders
TOC_LIMIT = 64 << 20
NEEDS_LIMIT = 1 << 18  # characters of the libraries that a tree needs, as Python shows them
TEXTS_LIMIT = 8 << 20  # characters of all texts but paths: a distribution's are about 200
DECODER_LIMIT = 16 << 20


def tree_note(target: str, digest: str, content: str = "") -> str:
    """Return the note of a tree: JSON, one member a line. `content` is its content digest, if it is known."""
    last = ',\n  "content_digest": "sha256:%s"' % content if content else ""
    return '{\n  "format": %d,\n  "target": "%s",\n  "digest": "sha256:%s"%s\n}\n' % (FORMAT, target, digest, last)


def noted(note: str, name: str) -> str:
    """Return a text member of a note as `tree_note` writes it, empty if it has none.

    `json` takes longer to import than all else that a boot from a tree does.
    """
    return note.partition('"%s": "' % name)[2].partition('"')[0]
