"""The wheel and the source distribution: what they hold, and that they serve every Python at hand."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import sluicegate

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parents[1]
LIBRARY = {"win32": "sluicegate.dll", "darwin": "libsluicegate.dylib"}.get(sys.platform, "libsluicegate.so")

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="building needs cargo")
hatchling = pytest.importorskip("hatchling")

ASK = """
import sluicegate, sys
limiter = sluicegate.Limiter("fixed-window 2/d")
asked = [limiter.check("ann").allowed for _ in range(3)]
assert asked == [True, True, False], asked
assert limiter.check_many(["bob"] * 3).allowed == asked
print(sluicegate.__version__, sluicegate.__file__)
"""


def run(*command, **options):
    """What a command that must succeed has written."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(kind, source, to):
    """The one file that hatchling makes."""
    run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", to, cwd=source)
    (made,) = to.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", PACKAGE, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return build("sdist", PACKAGE, tmp_path_factory.mktemp("sdist"))


def pythons():
    """One of each minor version at hand that the package serves."""
    found = {}
    places = os.environ.get("PATH", "").split(os.pathsep)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    places += [str(version / "bin") for version in sorted(pyenv.glob("3.*"))]
    for minor in range(9, 20):
        for name in (f"python3.{minor}", "python3"):
            for place in places:
                candidate = Path(place, name)
                asked = [candidate, "-c", "import sys, venv, ensurepip; print(sys.version_info[1])"]
                if minor in found or not candidate.is_file():
                    continue
                said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
                if said.strip() == str(minor):
                    found[minor] = candidate
    return list(found.values())


@pytest.mark.parametrize("python", pythons(), ids=str)
def test_one_wheel_serves_every_python_at_hand(python, wheel, tmp_path):
    run(python, "-m", "venv", tmp_path / "venv")
    fresh = next(tmp_path.glob("venv/[bS]*/python*"))
    run(fresh, "-m", "pip", "install", "--no-index", "--no-deps", "--disable-pip-version-check", wheel)
    version, place = run(fresh, "-W", "error", "-c", ASK, cwd=tmp_path).split(maxsplit=1)
    assert version == sluicegate.__version__
    assert place.startswith(str(tmp_path))


def test_the_wheel_is_for_any_python_of_this_platform(wheel):
    name, version, python, abi, platform = wheel.name[: -len(".whl")].split("-")
    assert (name, version, python, abi) == ("sluicegate", sluicegate.__version__, "py3", "none")
    assert platform != "any"


def test_the_wheel_holds_the_package_and_no_more(wheel):
    with zipfile.ZipFile(wheel) as contents:
        names = set(contents.namelist())
        metadata = contents.read(f"sluicegate-{sluicegate.__version__}.dist-info/METADATA").decode()
    source = PACKAGE / "src"
    sources = {file.relative_to(source).as_posix() for file in source.rglob("*.py")}
    about = {name for name in names if ".dist-info/" in name}
    assert names - about == {*sources, "sluicegate/py.typed", f"sluicegate/lib/{LIBRARY}"}
    assert sum("licenses/LICENSE-" in name for name in about) == 2
    assert "Requires-Python: >=3.9" in metadata
    assert "License-Expression: MIT OR Apache-2.0" in metadata
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    assert needed
    assert all(re.search("; extra == '(django|fastapi|flask|httpx|requests|starlette)'$", line) for line in needed), (
        needed
    )
    assert (PACKAGE / "README.md").read_text(encoding="utf-8").strip() in metadata


def test_the_wheel_says_nothing_of_the_machine(wheel):
    homes = {str(ROOT), str(Path.home()), os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))}
    with zipfile.ZipFile(wheel) as contents:
        for name in contents.namelist():
            content = contents.read(name)
            for home in homes:
                assert f"{home}/".encode() not in content, (name, home)
            if ".dist-info/" in name and "licenses/" not in name and not name.endswith("METADATA"):
                assert not re.search(rb"(^|[\s\"'=])/\w+/", content), name


def test_a_wheel_can_be_built_from_the_source_distribution_alone(sdist, wheel, tmp_path):
    with tarfile.open(sdist) as contents:
        names = contents.getnames()
        contents.extractall(tmp_path / "source")
    assert not [name for name in names if name.endswith((".so", ".pyc")) or "/target/" in name]
    (source,) = (tmp_path / "source").iterdir()
    again = build("wheel", source, tmp_path / "wheel")
    assert again.name == wheel.name
    with zipfile.ZipFile(again) as ours, zipfile.ZipFile(wheel) as theirs:
        assert sorted(ours.namelist()) == sorted(theirs.namelist())


def test_the_licences_are_the_repositorys():
    # Copies, because a source distribution cannot carry a link that leads out of it.
    for name in ("LICENSE-APACHE", "LICENSE-MIT"):
        assert (PACKAGE / name).read_bytes() == (ROOT / name).read_bytes()


def test_the_version_is_the_librarys():
    cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    assert f'version = "{sluicegate.__version__}"' in cargo


@pytest.fixture
def installed(tmp_path):
    """A copy of the package, to break."""
    copy = tmp_path / "sluicegate"
    shutil.copytree(Path(sluicegate.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def import_error(installed):
    done = subprocess.run(
        [sys.executable, "-c", "import sluicegate"], cwd=installed.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


def test_another_version_of_the_library_is_an_import_error(installed):
    init = installed / "__init__.py"
    init.write_text(init.read_text().replace(f'"{sluicegate.__version__}"', '"9.9.9"'))
    assert import_error(installed) == (
        f"ImportError: sluicegate 9.9.9 has found a library of version {sluicegate.__version__} beside it; "
        "reinstall the package"
    )


@pytest.mark.parametrize("content", [None, b"", b"no library"], ids=["missing", "empty", "nonsense"])
def test_a_library_that_cannot_be_loaded_is_an_import_error(installed, content):
    library = installed / "lib" / LIBRARY
    library.unlink()
    if content is not None:
        library.write_bytes(content)
    assert import_error(installed).startswith(
        "ImportError: the library that belongs to this package cannot be loaded: "
    )


def test_building_without_cargo_says_what_is_missing(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "CARGO"}
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=PACKAGE,
        env={**environment, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "building sluicegate needs Rust's cargo" in done.stdout + done.stderr
