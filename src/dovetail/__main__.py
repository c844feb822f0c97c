"""``python -m dovetail``: the same command as ``dovetail``."""

from dovetail.cli import main

if __name__ == "__main__":
    main()
