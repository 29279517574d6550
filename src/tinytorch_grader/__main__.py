"""The entry point of the command `capstone`: it needs click, and says so where click is missing."""

import builtins
import subprocess
import sys


def beside():
    """Run the same words in a process of its own and show what it says: `%run -m tinytorch_check check part2` in a
    notebook leaves the kernel's signals, modules and exit alone."""
    words = [sys.executable, "-m", __package__, *sys.argv[1:]]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace")
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)


def main():
    "Run the command line; without click one line and exit status 3, which no command uses for a result."
    if getattr(builtins, "__IPYTHON__", False): return beside()
    try:
        from .cli import main as run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("capstone: the Python package click is not installed here; run `pip install click`", file=sys.stderr)
        sys.exit(3)
    run()


if __name__ == "__main__":
    main()
