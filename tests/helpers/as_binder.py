"""What repo2docker does with a repository, without Docker: a new environment,
by an ordinary user with an empty home."""
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

STRANGER = {"user": 65534, "group": 65534, "extra_groups": []} if os.name == "posix" and os.geteuid() == 0 else {}


def variables(home, path=os.defpath):
    "The environment of an ordinary user: an empty home, and what pip needs to reach its registry."
    kept = {name: value for name, value in os.environ.items()
            if name.startswith("PIP_") or name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")}
    return {**kept, "PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "PIP_NO_CACHE_DIR": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def run(words, folder, home, path):
    "Run `words` in `folder` as an ordinary user; skips nothing, fails with the last words."
    done = subprocess.run([str(word) for word in words], cwd=folder, env=variables(home, path), capture_output=True,
                          text=True, **STRANGER)
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def interpreter():
    "A Python 3.11 to 3.13 that an ordinary user can run and make environments with."
    for name in (sys.executable, *(f"python3.{minor}" for minor in (11, 12, 13)), "python3"):
        for found in (shutil.which(name), shutil.which(name, path=os.defpath)):
            probe = [found or "/nowhere", "-c",
                     "import ensurepip, venv, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))"]
            try:
                if subprocess.run(probe, cwd="/", capture_output=True, **STRANGER).returncode == 0:
                    return found
            except OSError:
                continue
    pytest.skip("no Python 3.11 to 3.13 with venv that an ordinary user can run: apt-get install python3-venv")


@contextmanager
def built(released):
    """A copy of the repository `released` that the ordinary user owns, built as repo2docker does:
    (folder, python, home, MiB installed).

    It has a place of its own: pytest's temporary folders are closed to other users.
    """
    with tempfile.TemporaryDirectory(prefix="as-binder-") as scratch:
        os.chmod(scratch, 0o755)
        folder, home, prefix = (Path(scratch, name) for name in ("student", "home", "prefix"))
        shutil.copytree(released, folder)
        home.mkdir()
        prefix.mkdir()
        if STRANGER:
            subprocess.run(["chown", "-R", "65534:65534", folder, home, prefix], check=True)
        path = f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin"
        run([interpreter(), "-m", "venv", prefix], folder, home, path)
        run([prefix / "bin" / "pip", "install", "-q", "-r", "binder/requirements.txt"], folder, home, path)
        run(["./binder/postBuild"], folder, home, path)
        size = sum(file.stat().st_size for file in prefix.rglob("*")
                   if file.is_file() and not file.is_symlink()) / 2**20
        yield folder, prefix / "bin" / "python", home, size
