"""`python -m cocnet`: the command line."""

from cocnet.apps.cli.main import main

if __name__ == "__main__":
    main()
