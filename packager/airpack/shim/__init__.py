"""The shim as files: zipapp, drop-in folder, Azure ML deployment; and booting a bundle on this machine."""
