"""Where state lives: the directory, the name of an import's file, and the disks that cannot hold it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from importer.errors import UsageInvalid

SUFFIX = ".sqlite"
_HINT = "Choose a directory on a local disk that you may write to, with --state-dir."
_LONGEST_PART = 40
_MOUNTS = Path("/proc/self/mounts")
_NETWORK_TYPES = {
    "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs",
    "fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb", "smb2", "smb3", "smbfs", "webdav",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportKey:
    """What makes an import distinct: mapping file, name of the destination, site, and test code where there is one."""

    mapping: Path
    destination: str
    site: str
    test_code: str | None = None

    def parts(self) -> list[str | None]:
        """The key as JSON. The mapping by its real path, so that a symlink names the same import."""
        return [os.path.realpath(self.mapping), self.destination, self.site, self.test_code]

    def file_name(self) -> str:
        """Name of the checkpoint: readable, and made unambiguous by a short hash."""
        parts = self.parts()
        readable = [Path(parts[0] or "").stem, self.destination.split("://")[-1], self.site, self.test_code or ""]
        slugs = [re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-.")[:_LONGEST_PART] for part in readable]
        digest = hashlib.sha256(
            "".join(f"{len(part or '')}:{part};" for part in parts).encode("utf-8", "surrogateescape")
        )
        return "-".join([*filter(None, slugs), digest.hexdigest()[:8]]) + SUFFIX


def prepare_directory(directory: Path) -> Path:
    """The real path of the state directory, created with mode 0700 where it is missing.

    Raises :class:`UsageInvalid` if it cannot be written to or is on a network file system, where neither locks nor the
    shared memory of SQLite's log can be trusted.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        real = directory.resolve()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageInvalid(f"The state directory {directory} cannot be created: {reason}.", _HINT) from error
    if not os.access(real, os.W_OK | os.X_OK):
        raise UsageInvalid(f"The state directory {real} is not writable.", _HINT)
    kind = file_system(real, mount_table())
    if kind in _NETWORK_TYPES:
        reason = "locks and write order cannot be trusted there"
        raise UsageInvalid(f"The state directory {real} is on a network file system ({kind}): {reason}.", _HINT)
    return real


def mount_table() -> list[tuple[str, str]]:
    """Mount points and their types, in the order of mounting; empty where the system does not tell."""
    if _MOUNTS.exists():
        rows = [line.split(" ") for line in _MOUNTS.read_text("utf-8", "surrogateescape").split("\n") if line]
        return [(_unescape(row[1]), row[2]) for row in rows]
    if sys.platform == "darwin":
        listing = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False, errors="surrogateescape")
        return parse_mount_listing(listing.stdout)
    return []


def parse_mount_listing(listing: str) -> list[tuple[str, str]]:
    """The output of macOS ``mount``: lines like ``server:/share on /Volumes/share (nfs, nodev)``."""
    found = re.findall(r"^.+? on (.+) \(([^,)]+)[^()]*\)$", listing, re.MULTILINE)
    return [(point, kind.strip()) for point, kind in found]


def file_system(path: Path, mounts: list[tuple[str, str]]) -> str:
    """Type of the file system that holds the real ``path``: that of the deepest mount point, the last one on a tie."""
    best, kind = -1, ""
    for point, point_kind in mounts:
        depth = len(Path(point).parts)
        if depth >= best and path.is_relative_to(point):
            best, kind = depth, point_kind
    return kind


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
