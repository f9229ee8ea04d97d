"""How the documentation is built: `make docs`, and `make lint`, where a warning is an error."""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

# Commands and events are asked of the code itself, which reads settings: those of no site, and nothing is left behind.
_var = tempfile.TemporaryDirectory()
_settings = Path(_var.name) / "settings.py"
_settings.write_text(f"from pathlib import Path\nVAR_DIR = Path({_var.name!r})\n")
os.environ["GANETIMGR_SETTINGS"] = str(_settings)
os.environ["DJANGO_SETTINGS_MODULE"] = "ganetimgr.settings"

import django  # noqa: E402

django.setup()

project = "ganetimgr"
author = "the people who wrote ganetimgr"
copyright = "2026, the people who wrote ganetimgr"
extensions = ["myst_parser", "facts"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["pictures", "__pycache__"]
language = "en"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "ganetimgr"
html_favicon = "../static/favicon.svg"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
