"""`python -m nuwa`."""

from nuwa.cli.main import main

if __name__ == "__main__":
    main()
