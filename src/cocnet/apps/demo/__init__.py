"""The demo: `python -m cocnet.apps.demo.__main__ FOLDER`."""
