"""Build hook: compiles the native relay before the package is installed or packed (signaling/building.py)."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeRelay(BuildHookInterface[Any]):
    """Harmless where there is no compiler: the package is then pure Python."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        building = runpy.run_path(str(Path(self.root) / "signaling" / "building.py"))
        self.app.display_info(building["build"]())
        if version != "editable" and building["LIBRARY"].exists():
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
