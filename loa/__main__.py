"""`python -m loa` is the command `loa`."""

from loa.cli import main

main()
