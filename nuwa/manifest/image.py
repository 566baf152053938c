"""The image of an app in the model of `nuwa.toml`: its contents, and the steps of its build.

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

    family: Annotated[Literal["rockylinux", "debian"], Doc("Distribution that the image is based on.")] = (
        "rockylinux"
    )
    release: Annotated[
        str, Check(checks.OrEmpty(checks.release)), Doc("Release of the family; empty: its default.")
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
        tuple[Package, ...], Doc("Distribution packages that are needed only to build its requirements.")
    ] = ()
    containerfile_extra: Annotated[
        tuple[Annotated[str, Check(checks.instruction)], ...],
        Doc(
            "Extra Containerfile lines, for settings that no key covers: RUN and ENV instructions, as root, "
            "at the end of the layer with the app's packages. Unchanged lines do not rebuild the layer."
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
            'Files that go into the image, in .gitignore syntax. A path, or a pattern after "*", '
            "also includes files that .gitignore excludes, such as a frontend that was built beforehand."
        ),
    ] = ("*",)
    exclude: Annotated[
        tuple[Glob, ...],
        Doc(
            "Files that are left out, in addition to version control, caches, virtual environments, and "
            "untracked files that .gitignore excludes."
        ),
    ] = ()


@dataclass(frozen=True)
class Node(Section):
    """A frontend that Node builds in a separate stage. Only the results go into the image, not Node or its
    packages."""

    output: Annotated[
        RelativePaths,
        Doc(
            "The results: folders or files in the project, such as frontend/dist. They exist when "
            "[build] commands and [static] collect run."
        ),
    ]
    directory: Annotated[
        str,
        Check(checks.project_folder),
        Doc(
            "Folder in the project with package.json and its lock file: package-lock.json (npm), "
            "pnpm-lock.yaml (pnpm) or yarn.lock (yarn). If it is not the project's own folder, only output "
            "goes into the image."
        ),
    ] = "."
    commands: Annotated[
        Commands,
        Doc(
            "Command that builds it, or a list of commands, run in the folder once its packages are "
            "installed; empty: the script called build."
        ),
    ] = ()
    files: Annotated[
        tuple[Glob, ...],
        Doc(
            "Files outside its folder that it reads, in .gitignore syntax, such as templates for Tailwind. "
            "A change of these files, or of those in the folder except Python code, rebuilds it."
        ),
    ] = ()
    packages: Annotated[
        tuple[Package, ...],
        Doc("Distribution packages that are needed only to build it, such as compilers for native modules."),
    ] = ()


@dataclass(frozen=True)
class Build(Section):
    """Steps that create files in the project while the image is built."""

    commands: Annotated[
        tuple[Command, ...],
        Doc(
            "Commands that run in the project's folder during the build, as the app, before static files "
            "are collected. They may write there, for example compiled translations; later, root owns them."
        ),
    ] = ()
    node: Annotated[Optional[Node], Doc("A frontend that Node builds in a separate stage.")] = None
