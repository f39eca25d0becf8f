"""SHA-256 without the 3 ms that `hashlib` takes to import in Python 3.7."""

try:
    from _hashlib import openssl_sha256 as sha256
except ImportError:  # an interpreter without OpenSSL
    from hashlib import sha256

__all__ = ["sha256"]
