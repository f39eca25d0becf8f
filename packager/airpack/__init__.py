"""airpack carries Python packages across an air gap.

The packager: requirements -> Lock -> Wheelhouse -> Tree -> Bundle, each stage
a function of its own module. `airpack.pack.pack.pack` chains them.
"""

from airpack_runtime import __version__

__all__ = ["__version__"]
