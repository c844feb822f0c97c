"""Put a Windows Python together: `assemble.py WHEELS TARGET`, run by CPython 3.11.7 itself.

The DLLs are those of python.org, as the wheel of panda3d carries them to be deployed (signed by the Python Software
Foundation); the library is that of the Python that runs this, which must be the same version to the last digit;
python.exe and python3.dll are built here with mingw-w64. Packages are unpacked as an installer would, without scripts.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

VERSION = (3, 11, 7)
SOURCES = Path(__file__).parent
COMPILER = "x86_64-w64-mingw32-gcc"
LEFT_OUT = ("site-packages", "test", "lib-dynload", "__pycache__", "idlelib", "tkinter", "turtledemo", "ensurepip")
_EXPORT = re.compile(r"^\s*\[\s*\d+\](?:\s\+base\[\s*\d+\])?\s+(?:[0-9a-f]+\s+)?(\w+)$")


def assemble(wheels: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    packages = target / "Lib" / "site-packages"
    shutil.copytree(sysconfig.get_path("stdlib"), target / "Lib", ignore=shutil.ignore_patterns(*LEFT_OUT, "config-*"))
    packages.mkdir()
    (target / "DLLs").mkdir()
    for wheel in sorted(wheels.glob("*.whl")):
        if wheel.name.startswith("panda3d-"):
            copy_dlls(wheel, target)
        else:
            unpack_wheel(wheel, packages)
    for source in sorted(wheels.glob("*.tar.gz")):
        unpack_source(source, packages)
    build(target)


def copy_dlls(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = PurePosixPath(name)
            if path.parent.name != "deploy_libs" or re.match(r"api-ms-|tcl|tk|_tkinter", path.name):
                continue
            place = target / "DLLs" if path.suffix == ".pyd" else target
            (place / path.name).write_bytes(archive.read(name))


def unpack_wheel(wheel: Path, packages: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    for data in packages.glob("*.data"):
        for kind in ("purelib", "platlib"):
            if (data / kind).exists():
                shutil.copytree(data / kind, packages, dirs_exist_ok=True)
        shutil.rmtree(data)


def unpack_source(source: Path, packages: Path) -> None:
    """Of packages without a wheel for Windows, which are plain Python there: their own folder, and their metadata."""
    with tarfile.open(source) as archive:
        archive.extraction_filter = tarfile.data_filter
        name, version = source.name.removesuffix(".tar.gz").rsplit("-", 1)
        for member in archive.getmembers():
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if path.parts[:1] == (name.lower(),) and member.isfile():
                archive.extract(_renamed(member, path), packages)
            elif path == PurePosixPath("PKG-INFO"):
                place = PurePosixPath(f"{name.lower()}-{version}.dist-info", "METADATA")
                archive.extract(_renamed(member, place), packages)


def _renamed(member: tarfile.TarInfo, path: PurePosixPath) -> tarfile.TarInfo:
    return member.replace(name=str(path), deep=False)


def build(target: Path) -> None:
    """python.exe, python3.dll for packages of any Python 3, and a DLL that Wine lacks."""
    library = target / f"python{VERSION[0]}{VERSION[1]}.dll"
    definition = target / "python3.def"
    listing = subprocess.run(
        ["x86_64-w64-mingw32-objdump", "-p", library], capture_output=True, text=True, check=True
    ).stdout
    exports = [found[1] for line in listing.splitlines() if (found := _EXPORT.match(line))]
    if "Py_Initialize" not in exports:
        raise SystemExit(f"{library.name}: no list of exports was found")
    lines = (f"{name}={library.stem}.{name}" for name in exports)
    definition.write_text("LIBRARY python3\nEXPORTS\n" + "\n".join(lines) + "\n")
    for arguments in (
        ["-municode", "-o", "python.exe", SOURCES / "python.c", library.name],
        ["-shared", "-nostdlib", "-Wl,--entry=0", "-o", "python3.dll", definition.name],
        ["-shared", "-o", "bcryptprimitives.dll", SOURCES / "bcryptprimitives.c", "-ladvapi32"],
    ):
        subprocess.run([COMPILER, "-Os", "-s", *arguments], cwd=target, check=True)
    definition.unlink()


if __name__ == "__main__":
    if sys.version_info[:3] != VERSION:
        raise SystemExit(f"this needs Python {'.'.join(map(str, VERSION))}: the DLLs are of that version")
    assemble(Path(sys.argv[1]), Path(sys.argv[2]))
