"""The pipeline: requirements, Lock, Wheelhouse, Tree, Bundle, Results; again, and many times."""
