"""Build hook: compiles the native libraries before the package is installed or packed (core/compiling.py)."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARIES = (("signaling/building.py", "RELAY"), ("scheduler/assign/building.py", "SEARCH"))


class NativeLibraries(BuildHookInterface[Any]):
    """Harmless where there is no compiler: the package is then pure Python."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for path, name in LIBRARIES:
            library = runpy.run_path(str(Path(self.root) / path))[name]
            self.app.display_info(library.build())
            if version != "editable" and library.path.exists():
                build_data["pure_python"] = False
                build_data["infer_tag"] = True
