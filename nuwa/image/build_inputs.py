"""What the build machine provides to a build: programs, package archives, indexes, certificates, caches.

A Containerfile declares what it uses as build arguments, and gets nothing else. All of it is mounted at
`/mnt`, a folder that every image has and that is empty again when the step ends, so no layer holds any of it.
Build arguments carry only paths below `/mnt`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from nuwa.errors import BuildError
from nuwa.image import apt, indexes, node_registries, uv_program
from nuwa.image.families import Family, Release
from nuwa.quoting import sh_argv
from nuwa.resources import IMAGES, cache_folder

MOUNT = "/mnt"
ENVIRONMENT = "environment"
"""The file below `MOUNT` that sets variables for an installer."""
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_CERTIFICATE_VARIABLES = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
)
PACKAGES = ("APT_CONFIG", "DNF_CACHE")
"""The argument of each package manager; only one build of a release at a time may use it."""
EVERYTHING = (
    *_CERTIFICATE_VARIABLES,
    *PACKAGES,
    *("NODE_CACHE", "NUWA_DOWNLOADS", "UV_CACHE_DIR", "UV_CONFIG_FILE"),
)
"""The build arguments that a Containerfile may declare."""
_APT_OPTIONS = """\
APT::Install-Recommends "0";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "/var/cache/apt/archives/nuwa-srcpkgcache.bin";
DPkg::Options { "--force-unsafe-io"; };
Acquire::Languages "none";
"""
"""What apt generates from its lists is kept on this machine with them. The layer of an interrupted build is
discarded, so dpkg need not flush each file to disk."""


def lay_out(
    folder: Path,
    family: Family,
    release: Release,
    files: Mapping[str, bytes],
    borrowed: Collection[str] = EVERYTHING,
    *,
    architecture: str = "",
) -> list[str]:
    """Fill `folder` and return the options of `podman build` that mount it.

    Args:
        files: more files by their path below `/mnt`.
        borrowed: names of the build arguments that are wanted.
        architecture: that of the image if it is not this machine's; it has caches of its own.
    """
    shutil.copytree(IMAGES / "tools", folder / "tools")
    suffix = f"-{architecture}" if architecture else ""
    arguments = _certificates(folder)
    mounts = [f"{folder}:{MOUNT}:ro"]
    if "UV_CONFIG_FILE" in borrowed:
        mounts += _python(folder, architecture, arguments)
    if "NODE_CACHE" in borrowed:
        mounts += _node(folder, suffix, arguments)
    if "NUWA_DOWNLOADS" in borrowed:
        mounts += _downloads(folder, arguments)
    if "APT_CONFIG" in borrowed and family.package_manager == "apt":
        mounts += _apt(folder, release.codename, suffix, arguments)
    if "DNF_CACHE" in borrowed and family.package_manager == "dnf":
        mounts += _dnf(folder, f"{family.name}{release.name}{suffix}", arguments)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    given = [f"{name}={value}" for name, value in arguments.items() if name in borrowed]
    return _words("--volume", mounts) + _words("--build-arg", given)


def environment(variables: Sequence[str]) -> dict[str, bytes]:
    """Variables of this machine's environment as a file for a shell; no layer and no command line holds them.

    Raises:
        BuildError: one of them is not set.
    """
    missing = [name for name in variables if name not in os.environ]
    if missing:
        raise BuildError(
            f"the requirements name {', '.join(missing)}, which is not set in this environment",
            hint=f"Set it for the build: {' '.join(f'{name}=…' for name in missing)} nuwa build",
        )
    lines = (f"{name}={sh_argv([os.environ[name]])}\n" for name in variables)
    return {ENVIRONMENT: "".join(lines).encode()} if variables else {}


def _words(option: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _mount(folder: Path, name: str, source: Path, how: str = "ro") -> str:
    """Mount a file or folder of this machine at `/mnt/<name>`; the read-only `/mnt` needs a place for it."""
    place = folder / name
    if source.is_dir():
        place.mkdir()
    else:
        place.touch()
    return f"{source}:{MOUNT}/{name}:{how}"


def _cache(name: str) -> Path:
    """A folder of downloads that the next build can reuse."""
    folder = cache_folder() / "downloads" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _certificates(folder: Path) -> dict[str, str]:
    """The certificate authorities that this machine trusts, including those of a mirror or proxy it uses."""
    named = (os.environ.get(name, "") for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"))
    bundle = next((path for path in (*named, *_BUNDLES) if path and Path(path).is_file()), None)
    if bundle is None:
        return {}
    shutil.copyfile(bundle, folder / "ca.crt")
    return dict.fromkeys(_CERTIFICATE_VARIABLES, f"{MOUNT}/ca.crt")


def _python(folder: Path, architecture: str, arguments: dict[str, str]) -> list[str]:
    cache = f"python-{architecture}" if architecture else "python"
    found = indexes.find()
    (folder / "uv.toml").write_text(found.toml)
    arguments |= {"UV_CACHE_DIR": f"{MOUNT}/cache", "UV_CONFIG_FILE": f"{MOUNT}/uv.toml"}
    return [
        _mount(folder, "uv", uv_program.find(architecture)),
        _mount(folder, "cache", _cache(cache), "rw"),
        *(_mount(folder, name, source) for name, source in found.folders.items()),
    ]


def _node(folder: Path, suffix: str, arguments: dict[str, str]) -> list[str]:
    """Settings of npm and Yarn for a home folder, and the download cache of earlier builds."""
    authorities = f"{MOUNT}/ca.crt" if (folder / "ca.crt").exists() else ""
    found = node_registries.find(authorities)
    (folder / "npmrc").write_text(found.npmrc)
    (folder / "yarnrc.yml").write_text(found.yarnrc)
    arguments["NODE_CACHE"] = f"{MOUNT}/node"
    return [_mount(folder, "node", _cache(f"node{suffix}"), "rw")]


def _downloads(folder: Path, arguments: dict[str, str]) -> list[str]:
    """NUWA_DOWNLOADS: an alternative location of the files in pins.toml."""
    place = os.environ.get("NUWA_DOWNLOADS", "").rstrip("/")
    if place.startswith(("http://", "https://")):
        arguments["NUWA_DOWNLOADS"] = place
    elif place:
        return [_mount(folder, "downloads", Path(place).resolve())]
    return []


def _apt(folder: Path, codename: str, suffix: str, arguments: dict[str, str]) -> list[str]:
    """apt's settings; its lists and packages are kept on this machine, for later layers and builds."""
    settings = _APT_OPTIONS + apt.options()
    if (folder / "ca.crt").exists():
        settings += f'Acquire::https::CAInfo "{MOUNT}/ca.crt";\n'
    sources = apt.sources(codename)
    if sources:
        (folder / "sources.list").write_text("".join(f"{line}\n" for line in sources))
        settings += f'Dir::Etc::sourcelist "{MOUNT}/sources.list";\nDir::Etc::sourceparts "-";\n'
    (folder / "apt.conf").write_text(settings)
    arguments["APT_CONFIG"] = f"{MOUNT}/apt.conf"
    caches = {"lists": "/var/lib/apt/lists", "archives": "/var/cache/apt/archives"}
    return [f"{_cache(f'{codename}-{name}{suffix}')}:{place}:rw" for name, place in caches.items()]


def _dnf(folder: Path, platform: str, arguments: dict[str, str]) -> list[str]:
    """dnf's metadata and packages are kept on this machine for the next layer and the next build."""
    cache = _cache(f"{platform}-dnf")
    # dnf would honour the lock of a build that was killed: in the next one, its process id may be in use.
    for lock in cache.glob("*.pid"):
        lock.unlink(missing_ok=True)
    arguments["DNF_CACHE"] = f"{MOUNT}/dnf"
    return [_mount(folder, "dnf", cache, "rw")]
