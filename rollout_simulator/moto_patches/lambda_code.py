"""A deployment package for functions whose code does not matter: a zip in memory, different for each text."""

from __future__ import annotations

import io
import zipfile


def zipped(text: str = "", name: str = "index.py") -> bytes:
    """A deployment package of one file; another text makes PublishVersion publish another version."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        # A fixed date: the same text gives the same package, whatever the clock says.
        package.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()
