"""The folder of the hook for PyInstaller, which finds it through the entry point `pyinstaller40`.

Nothing else may import it: a program that runs does not need it.
"""

from __future__ import annotations

import os


def get_hook_dirs() -> list[str]:
    """Returns the folder with the hook."""
    return [os.path.dirname(os.path.abspath(__file__))]
