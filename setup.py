"""Package metadata for pip; every value comes from settings.ini."""
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

config = ConfigParser(delimiters=["="], interpolation=None)
config.read(Path(__file__).with_name("settings.ini"), encoding="utf-8")
cfg = config["DEFAULT"]
grader, notebook, scale, dev = (cfg[f"{name}_requirements"].split() for name in ("grader", "notebook", "scale", "dev"))

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    author=cfg["author"],
    license="Apache-2.0",
    keywords=cfg["keywords"],
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=f">={cfg['min_python']}",
    packages=find_packages(include=["tinytorch", "tinytorch.*"]) + find_packages("src", include=["tinytorch_grader", "tinytorch_grader.*"]),
    package_dir={"tinytorch_grader": "src/tinytorch_grader"},
    package_data={"tinytorch": ["data/*", "submission.schema.json"], "tinytorch_grader": ["data/*"],
                  "tinytorch_grader.pages": ["templates/*"]},
    install_requires=cfg["requirements"].split(),
    extras_require={"grader": grader, "notebook": notebook, "scale": scale, "dev": grader + notebook + scale + dev},
    entry_points={
        "console_scripts": ["capstone = tinytorch_grader.__main__:main"],
        "nbdev": ["tinytorch = tinytorch._modidx:d"],
    },
)
