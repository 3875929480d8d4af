"""Builds the C library with cargo and puts it into the wheel, which then serves every Python 3.9 and later."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARY = {"win32": "sluicegate.dll", "darwin": "libsluicegate.dylib"}.get(sys.platform, "libsluicegate.so")
# What a release's own build has beyond cargo's defaults: small, and one unit, so that a check is a straight line.
PROFILE = {"lto": "true", "codegen-units": "1", "strip": '"symbols"'}


class LibraryHook(BuildHookInterface[Any]):
    """Hatch's hook: runs before a wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the library and tells hatch about it."""
        if self.target_name != "wheel":
            return
        library = build_library(Path(self.root))
        if version == "editable":
            beside_the_source = Path(self.root, "src", "sluicegate", "lib")
            beside_the_source.mkdir(exist_ok=True)
            shutil.copy(library, beside_the_source)
            return
        # No part of it is tied to one Python: the library is loaded by ctypes.
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
        build_data["pure_python"] = False
        build_data["force_include"][str(library)] = f"sluicegate/lib/{LIBRARY}"


def build_library(root: Path) -> Path:
    """Where the library is, after having built it from the repository or from a source distribution."""
    unpacked = root / "rust"
    workspace = unpacked if unpacked.is_dir() else root.parent.parent
    # A place of its own, for the settings of the build are its own too.
    target = Path(os.environ.get("CARGO_TARGET_DIR") or workspace / "target").absolute() / "python"
    cargo = os.environ.get("CARGO") or shutil.which("cargo")
    if cargo is None:
        raise RuntimeError("building sluicegate needs Rust's cargo, which is not on the PATH: see https://rustup.rs")
    settings = [word for name, value in PROFILE.items() for word in ("--config", f"profile.release.{name}={value}")]
    command = [cargo, "rustc", "--release", "--lib", "--features", "capi", "--crate-type", "cdylib", "--locked"]
    command += ["--target-dir", str(target), *settings]
    subprocess.run(command, cwd=workspace, check=True, env=without_paths())
    return target / "release" / LIBRARY


def without_paths() -> dict[str, str]:
    """An environment that keeps this machine's directories out of the library, and of all that is linked into it."""
    home = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
    encoded = os.environ.get("CARGO_ENCODED_RUSTFLAGS")
    flags = os.environ.get("RUSTFLAGS", "").split() if encoded is None else encoded.split("\x1f")
    flags = [*filter(None, flags), f"--remap-path-prefix={home}=cargo"]
    return {**os.environ, "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags)}
