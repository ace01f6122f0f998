# Adds the shared library to a frozen program: ctypes loads it, which PyInstaller cannot see.
from PyInstaller.utils.hooks import collect_dynamic_libs

binaries = collect_dynamic_libs("tokensource")
