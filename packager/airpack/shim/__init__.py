"""Writes the shim as a zipapp, a drop-in folder or a part of an Azure ML deployment; boots bundles on this machine."""
