"""The site: `make docs` runs Sphinx on what src/scripts/website.py put together from this folder and the notebooks."""
from configparser import ConfigParser
from pathlib import Path

config = ConfigParser(delimiters=["="], interpolation=None)
config.read(Path(__file__).with_name("settings.ini"), encoding="utf-8")
settings = config["DEFAULT"]

project, author, copyright = "TinyTorch capstone", settings["author"], settings["copyright"]
release = version = settings["version"]
language = "en"
html_theme = "furo"
html_title = f"TinyTorch capstone {version}"
html_show_sourcelink = False
html_copy_source = False
# every page opens from the disk: MathJax is in the site, nothing is loaded from a network
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click", "sphinx-mathjax-offline"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_excludepatterns = ["lesson.ipynb"]   # unfilled cells raise on purpose
nb_execution_show_tb = True
nb_merge_streams = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autoclass_content = "both"
napoleon_google_docstring = False
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header", "misc.highlighting_failure"]
nitpicky = False
