"""Which of the settings in pip's configuration (pip.conf, PIP_*) hold when airpack runs pip.

What says where packages come from, and which of them are taken, holds. What says how packages are installed on this
machine doesn't: nothing is installed. Settings are named as in pip.conf.
"""

from __future__ import annotations

# How and where pip installs, and how it talks while it does.
INSTALLING = frozenset(
    {
        *("user", "target", "prefix", "root", "require-virtualenv", "break-system-packages", "ignore-installed"),
        *("force-reinstall", "upgrade", "upgrade-strategy", "compile", "no-compile", "no-warn-script-location"),
        *("no-warn-conflicts", "root-user-action", "report", "dry-run", "quiet", "verbose", "use-deprecated"),
        # The Python that runs airpack runs pip as well.
        "python",
        # Those of the target hold.
        *("python-version", "platform", "implementation", "abi"),
    }
)
# Which packages are wanted, in which versions: for the user's own requirements alone.
WANTED = frozenset(
    {
        *("requirement", "editable", "group", "constraint", "require-hashes", "no-deps", "pre", "all-releases"),
        *("only-final", "prefer-binary", "no-binary", "only-binary", "uploaded-prior-to", "config-settings"),
        *("config-setting", "global-option"),
    }
)
# What would keep the pip of a build's environment from installing what the build requires.
UNFIT_FOR_BUILDS = frozenset(
    {
        *("requirement", "editable", "group", "require-hashes", "no-deps", "config-settings", "config-setting"),
        *("global-option", "no-build-isolation", "config-file"),
    }
)
