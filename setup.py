"""Package metadata for pip; every value comes from settings.ini."""
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.sdist import sdist

HERE = Path(__file__).parent
config = ConfigParser(delimiters=["="], interpolation=None)
config.read(HERE / "settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]
EXTRAS = "gate", "grader", "notebook", "scale", "track", "docs", "dev"
extras = {name: cfg[f"{name}_requirements"].split() for name in EXTRAS if f"{name}_requirements" in cfg}


class WithSettings(sdist):
    "A source distribution that can be built again: this file reads settings.ini."

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, [*files, "settings.ini", "CHANGELOG.md"])


setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    author=cfg["author"],
    author_email=cfg["author_email"],
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    keywords=cfg["keywords"].split(),
    url=cfg["git_url"],
    project_urls={"Changelog": f"{cfg['git_url']}/blob/{cfg['branch']}/CHANGELOG.md",
                  "Issues": f"{cfg['git_url']}/issues"},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Framework :: Jupyter",
        "Intended Audience :: Education",
        "Intended Audience :: Developers",
        "Natural Language :: English",
        "Operating System :: OS Independent",
        *(f"Programming Language :: Python :: {version}" for version in ("3", "3.11", "3.12", "3.13")),
        "Topic :: Education :: Testing",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=f">={cfg['min_python']}",
    packages=[*find_packages(include=["tinytorch", "tinytorch.*"]),
              *find_packages("src", include=["tinytorch_grader", "tinytorch_grader.*"])],
    package_dir={"tinytorch_grader": "src/tinytorch_grader"},
    package_data={"tinytorch": ["py.typed", "data/*", "submission.schema.json"],
                  "tinytorch_grader": ["data/*", "pages/templates/*", "mistakes/*/*"]},
    install_requires=cfg["requirements"].split(),
    extras_require={**extras, "dev": sorted({each for name in extras if name != "track" for each in extras[name]})},
    entry_points={
        "console_scripts": ["capstone = tinytorch_grader.__main__:main"],
        "nbdev": ["tinytorch = tinytorch._modidx:d"],
    },
    cmdclass={"sdist": WithSettings},
)
