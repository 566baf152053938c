"""The image of an app in the model of `nuwa.toml`: what it is made of, and what is made while it is built.

Only the standard library, and Python 3.9, like `nuwa.manifest.model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Optional

from nuwa.manifest import checks
from nuwa.manifest.marks import Check, Command, Commands, Doc, Glob, Package, RelativePaths, Section


@dataclass(frozen=True)
class Image(Section):
    """What the image is made of."""

    family: Annotated[Literal["rockylinux", "debian"], Doc("Distribution under the layers.")] = "rockylinux"
    release: Annotated[
        str, Check(checks.OrEmpty(checks.release)), Doc("Release of the family; empty: its default one.")
    ] = ""
    python: Annotated[
        str,
        Check(checks.OrEmpty(checks.python_version)),
        Doc("Python version, in quotes; empty: the family's own."),
    ] = ""
    packages: Annotated[
        tuple[Package, ...], Doc("Distribution packages that the app needs when it runs.")
    ] = ()
    build_packages: Annotated[
        tuple[Package, ...], Doc("Distribution packages that only building its requirements needs.")
    ] = ()
    containerfile_extra: Annotated[
        tuple[Annotated[str, Check(checks.instruction)], ...],
        Doc(
            "Extra Containerfile lines, for what no key covers: RUN and ENV instructions, as root, at "
            "the end of the layer with the app's packages. The same lines count as the same layer."
        ),
    ] = ()
    requirements: Annotated[
        str,
        Check(checks.OrEmpty(checks.requirements)),
        Doc(
            "Requirements file; empty: the first of uv.lock, poetry.lock, pdm.lock, pylock.toml, "
            "Pipfile.lock, requirements.txt, requirements/production.txt, pyproject.toml, setup.cfg and "
            "setup.py."
        ),
    ] = ""
    groups: Annotated[
        tuple[Annotated[str, Check(checks.group_name)], ...],
        Doc("Extras and dependency groups to install as well."),
    ] = ()
    include: Annotated[
        tuple[Glob, ...],
        Doc(
            'What goes into the image, in .gitignore syntax. A path, or a pattern after "*", '
            "also brings in what .gitignore names, such as a frontend that was built before."
        ),
    ] = ("*",)
    exclude: Annotated[
        tuple[Glob, ...],
        Doc(
            "What is left out, in addition to version control, caches, virtual environments, and what "
            ".gitignore names and git does not track."
        ),
    ] = ()


@dataclass(frozen=True)
class Node(Section):
    """A frontend that Node builds in a stage of its own. Of Node, its packages and what they leave, nothing
    goes into the image but the results."""

    output: Annotated[
        RelativePaths,
        Doc(
            "What comes out: folders or files in the project, such as frontend/dist. They are there when "
            "[build] commands and [static] collect run."
        ),
    ]
    directory: Annotated[
        str,
        Check(checks.project_folder),
        Doc(
            "Folder in the project with package.json and its lock file: package-lock.json (npm), "
            "pnpm-lock.yaml (pnpm) or yarn.lock (yarn). Of a folder of its own nothing but output goes "
            "into the image."
        ),
    ] = "."
    commands: Annotated[
        Commands,
        Doc(
            "Command that builds it, or a list of commands, run in the folder when its packages are "
            "installed; empty: the script called build."
        ),
    ] = ()
    files: Annotated[
        tuple[Glob, ...],
        Doc(
            "What of the project it reads besides its folder, as in .gitignore, such as templates for "
            "Tailwind. A change of these files and of the folder's, Python code excepted, builds it again."
        ),
    ] = ()
    packages: Annotated[
        tuple[Package, ...],
        Doc("Distribution packages that only building it needs, such as compilers for native modules."),
    ] = ()


@dataclass(frozen=True)
class Build(Section):
    """What is made of the project's files while the image is built."""

    commands: Annotated[
        tuple[Command, ...],
        Doc(
            "Run in the project's folder at build, as the app, before static files are collected; they may "
            "write there (compiled translations, say). Afterwards the files belong to root."
        ),
    ] = ()
    node: Annotated[Optional[Node], Doc("A frontend that Node builds in a stage of its own.")] = None
