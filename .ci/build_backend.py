"""setuptools' build backend, with the hot modules compiled by mypyc where a C compiler is at hand.

The modules that every request walks through are ordinary, strictly typed Python, and run as such from a
source tree.  A wheel that is built on a machine with a C compiler carries them compiled as well; the sources
stay beside them.  Without a compiler, or with ``UWSGID_PURE=1``, the wheel is pure Python and does the same,
slower.  Editable installs are never compiled, so that an edit is what runs.

pyproject.toml names this file and lists the modules (``[tool.uwsgid] compiled``).
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.build_meta import _BuildMetaBackend

#: What compiles, and the type information it needs.
MYPYC = ["mypy[mypyc]>=1.18", "mypy-zope", "types-psutil", "types-PyYAML", "types-defusedxml"]

#: mypy's settings while it compiles: the strict check is the source tree's business, with all packages there.
_CONFIG = "[mypy]\nplugins = mypy_zope:plugin\nignore_missing_imports = True\n"


def can_compile() -> bool:
    """Whether there is a C compiler, the headers of this Python, and nobody who minds."""
    if os.environ.get("UWSGID_PURE"):
        return False
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return shutil.which(compiler[0]) is not None and headers.exists()


class Backend(_BuildMetaBackend):
    """setuptools, told about extension modules without a setup.py."""

    def __init__(self) -> None:
        super().__init__()
        self._extensions: list[Any] = []
        self._options: dict[str, dict[str, str]] = {}

    def run_setup(self, setup_script: str = "setup.py") -> None:
        """Run setuptools on setup.cfg and pyproject.toml."""
        setup(ext_modules=self._extensions, options=self._options)

    def get_requires_for_build_wheel(self, config_settings: Any = None) -> list[str]:
        """mypyc, where it can be used."""
        needed: list[str] = super().get_requires_for_build_wheel(config_settings)
        return needed + (MYPYC if can_compile() else [])

    def build_wheel(
        self, wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
    ) -> str:
        """A compiled wheel where that is possible, else a pure one.

        setuptools puts into a wheel whatever it finds in its build folder, also modules that are no more; so
        each wheel is built in a folder of its own.
        """
        arguments = (wheel_directory, config_settings, metadata_directory)
        if can_compile():
            with tempfile.TemporaryDirectory(prefix="uwsgid-mypyc-") as folder:
                try:
                    self._extensions = _extensions(folder)
                    return self._build_in(folder, *arguments)
                except (Exception, SystemExit) as error:
                    print(f"uwsgid: not compiled, going on with pure Python: {error}", file=sys.stderr)
                finally:
                    self._extensions = []
        with tempfile.TemporaryDirectory(prefix="uwsgid-wheel-") as folder:
            return self._build_in(folder, *arguments)

    def _build_in(self, folder: str, *arguments: Any) -> str:
        self._options = {"build": {"build_base": os.path.join(folder, "build")}}
        try:
            return str(super().build_wheel(*arguments))
        finally:
            self._options = {}


def _extensions(folder: str) -> list[Any]:
    from mypyc.build import mypycify

    with open("pyproject.toml", "rb") as file:
        modules = tomllib.load(file)["tool"]["uwsgid"]["compiled"]
    config = Path(folder, "mypy.ini")
    config.write_text(_CONFIG)
    made = mypycify(
        [f"--config-file={config}", *modules],
        target_dir=folder,
        opt_level="2",  # smaller than 3, and the caches are the application's as well
        debug_level="0",
        group_name="uwsgid",
    )
    for extension in made:
        extension.extra_compile_args.append("-fno-plt")  # most calls go to libpython
    return list(made)


_backend = Backend()
get_requires_for_build_wheel = _backend.get_requires_for_build_wheel
get_requires_for_build_sdist = _backend.get_requires_for_build_sdist
get_requires_for_build_editable = _backend.get_requires_for_build_editable
prepare_metadata_for_build_wheel = _backend.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = _backend.prepare_metadata_for_build_editable
build_wheel = _backend.build_wheel
build_sdist = _backend.build_sdist
build_editable = _backend.build_editable
