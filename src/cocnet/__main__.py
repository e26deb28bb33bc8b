"""`python -m cocnet`: the command line."""

import sys

from cocnet.apps.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
