"""`python -m goldenbatch` is the command line."""

from goldenbatch.apps.cli import main

if __name__ == "__main__":
    main()
