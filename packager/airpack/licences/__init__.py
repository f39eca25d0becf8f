"""The licences of a bundle's packages: what they are in SPDX's terms, whether they are allowed, and their texts."""
