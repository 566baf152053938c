"""A stand-in for the images of Rocky Linux, made from Debian's packages alone.

Rocky's registry and mirrors cannot be reached from everywhere. What runs here is Debian's dnf and rpm, EL's
settings of them, os-release of Rocky 8, 9 and 10, bash as sh, and a repository of small stub rpms in the
image itself: with the names that `tests/data/packages-el*.tsv` knows, in the repositories where it knows
them, and with Debian's programs at EL's paths where a container needs them to serve a page. A name that the
lists do not have is not installed, and the build fails, as it would on Rocky Linux.

It proves that each command line of the Containerfiles is right for dnf, that each package is asked for where
it is, and that the image runs. It does not prove that Rocky's packages hold what is thought of them: every
Python in it is Debian's, whatever it is called.

    python -m tests.standin.rocky [RELEASE…]    makes it, and says how to build on it
"""
