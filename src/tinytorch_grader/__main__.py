"""The entry point of the command `capstone`: it needs click, and says so where click is missing."""

import sys


def main():
    "Run the command line; without click one line and exit status 3, which no command uses for a result."
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
