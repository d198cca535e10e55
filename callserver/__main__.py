"""`python -m callserver`: the same as the `callserver` command."""

import sys

from callserver.cli import main

if __name__ == "__main__":
    sys.exit(main())
