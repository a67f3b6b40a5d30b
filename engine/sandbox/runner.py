"""The first file that a sandbox child runs: it shuts itself in, and only then touches model code.

Started as `python -I -B runner.py FD`, where FD is one end of a socket pair. It imports nothing but the standard
library and nothing of Gatewright, because model code often has modules named as ours are. A frame on the socket is
a length (4 bytes, big-endian) and a JSON text; the first frame in is the configuration, the first frame out tells
that the child is ready and how it is shut in, or why it refused to start.

    outer process    new namespaces, waits, passes the exit code on
      inner process  first of its pid namespace, own file system, no network, unprivileged: the model's code runs here

When the outer process dies, the kernel ends the inner one, and with it everything that it started.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import socket
import sys
import time
import traceback
import types
from typing import Any

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x00020000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    16384,
    1 << 18,
)
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
MOUNT_SETATTR = 442  # the same number on every architecture
#: What a Python interpreter and compiled libraries read besides their own prefix. The rest of the machine is not there.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf")
#: Where the child sees its working folder: no interpreter lies under such a name, as one may under /work.
INSIDE = "/gatewright-sandbox"
TMP, SHM = "/tmp", "/dev/shm"  # noqa: S108 - of the child's own file system
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")

libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """A part of the isolation that the kernel does not give."""


# --- frames


def read_frame(channel: socket.socket) -> Any:
    """The next frame, or None where the other side has closed."""
    head = read_exactly(channel, 4)
    return None if head is None else json.loads(read_exactly(channel, int.from_bytes(head, "big")) or b"null")


def read_exactly(channel: socket.socket, size: int) -> bytes | None:
    parts: list[bytes] = []
    missing = size
    while missing:
        part = channel.recv(min(missing, 1 << 20))
        if not part:
            return None
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def write_frame(channel: socket.socket, value: Any) -> None:
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    channel.sendall(len(text).to_bytes(4, "big") + text)


# --- the kernel's calls


def checked(what: str, result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise Refused(f"{what}: {errno.errorcode.get(code, code)}")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    encoded = [os.fsencode(text) if text is not None else None for text in (source, target, kind, options)]
    checked(f"mount on {target}", libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]))


def make_read_only(path: str, recursive: bool) -> None:
    """Set read-only on a mount (and on all below it); it only adds to the flags, so locked mounts allow it too."""

    class Attributes(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns_fd")]

    attributes = Attributes(MS_RDONLY | MS_NOSUID | MS_NODEV, 0, 0, 0)
    at_fdcwd, at_recursive = -100, 0x8000
    done = libc.syscall(
        ctypes.c_long(MOUNT_SETATTR),
        ctypes.c_long(at_fdcwd),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.c_long(at_recursive if recursive else 0),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    if done != 0:  # kernels before 5.12: remount, keeping the flags that may be locked
        kept = os.statvfs(path).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC | 1024 | 2048)
        mount(None, path, None, MS_BIND | MS_REMOUNT | MS_RDONLY | kept)


def die_with_parent() -> None:
    checked("parent death signal", libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))


def drop_capabilities() -> None:
    """Give up what a new user namespace granted; a change of user has already done it for root."""

    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # EINVAL past the last one, EPERM without the right: no loss
    nothing = (ctypes.c_uint32 * 6)()
    checked("capset", libc.capset(ctypes.byref(Header(0x20080522, 0)), ctypes.byref(nothing)))


# --- shutting in


def new_namespaces(root: bool) -> None:
    """No network, no other processes, mounts and shared memory of one's own."""
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC
    checked("new namespaces", libc.unshare(flags if root else flags | CLONE_NEWUSER))
    if not root:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            try:
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
            except OSError as error:
                raise Refused(f"user namespace, {name}: {error.strerror}") from error


def new_file_system(root: str, work: str) -> None:
    """Replace the machine's files by the interpreter, the system's libraries (both read-only) and the work folder."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=755")
    prefixes = {os.path.realpath(p) for p in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)}
    prefixes |= {sys.prefix, sys.base_prefix}
    for path in [*SYSTEM, *sorted(prefixes, key=len)]:
        show(root, path)
    for path in SYSTEM_FILES:
        if os.path.exists(path):
            bind(root, path, read_only=True)
    for path in DEVICES:
        bind(root, path, read_only=False)
    for folder in ("/proc", SHM, INSIDE, "/before"):
        os.makedirs(root + folder, exist_ok=True)
    if not os.path.lexists(root + TMP):  # an interpreter may lie under it
        os.symlink(INSIDE + TMP, root + TMP)
    mount("tmpfs", root + SHM, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64m,mode=1777")
    mount(work, root + INSIDE, None, MS_BIND)
    # A kernel that hides parts of /proc (some containers) allows no new one: then there is none, not the machine's.
    with contextlib.suppress(Refused):
        mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    checked("pivot_root", libc.pivot_root(os.fsencode(root), os.fsencode(f"{root}/before")))
    os.chdir("/")
    checked("leaving the machine's files", libc.umount2(b"/before", MNT_DETACH))
    os.rmdir("/before")
    make_read_only("/", recursive=False)


def show(root: str, path: str) -> None:
    """Let the folder be seen, read-only, at the same place; links stay links; what lies in a seen folder is seen."""
    if os.path.islink(path):
        target = os.readlink(path)
        with contextlib.suppress(FileExistsError):
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            os.symlink(target, root + path)
    elif os.path.isdir(path) and path != "/" and not os.path.exists(root + path):
        os.makedirs(root + path)
        mount(path, root + path, None, MS_BIND | MS_REC)
        make_read_only(root + path, recursive=True)


def bind(root: str, path: str, read_only: bool) -> None:
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    with open(root + path, "wb"):
        pass
    mount(os.path.realpath(path), root + path, None, MS_BIND)
    if read_only:
        make_read_only(root + path, recursive=False)


def limit(limits: dict[str, Any], tasks: int) -> None:
    megabyte = 1 << 20
    for name, amount in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_AS, limits["memory_mb"] * megabyte),
        (resource.RLIMIT_FSIZE, limits["file_mb"] * megabyte),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_NPROC, limits["processes"] + tasks),
    ):
        if amount is not None:
            hard = resource.getrlimit(name)[1]
            amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
            resource.setrlimit(name, (amount, amount))


def tasks_of(uid: int) -> int:
    """How many tasks the user runs already: the kernel counts RLIMIT_NPROC per user, not per child."""
    count = 0
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid == uid:
                count += len(os.listdir(f"/proc/{entry}/task"))
    return count


def become(uid: int, gid: int) -> None:
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise Refused(f"change to user {uid}: {error.strerror}") from error


def forget_the_house() -> None:
    """Keep only paths inside the interpreter: an editable install would lead back to our clone."""
    inside = tuple(os.path.realpath(prefix) + os.sep for prefix in (sys.prefix, sys.base_prefix))
    sys.path[:] = [path for path in sys.path if (os.path.realpath(path) + os.sep).startswith(inside)]
    # An environment that was built for one version: its libraries stand beside its site-packages and not in them, so
    # that no `.pth` file of theirs ran before the walls stood.
    libraries = os.path.join(sys.prefix, "libraries")
    if os.path.isdir(libraries):
        sys.path.append(libraries)
    sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]


# --- the model's turn


def load_program(source: str, name: str) -> types.ModuleType:
    """The program's text as a module that stands in no file and on no path."""
    program = types.ModuleType(name)
    sys.modules[name] = program
    exec(compile(source, f"<{name}>", "exec"), program.__dict__)  # noqa: S102 - this is what a sandbox is for
    return program


def told(error: BaseException) -> dict[str, Any]:
    """A failure as values: its kind, its words, its last lines."""
    kind = type(error).__name__
    lines = traceback.format_exception(type(error), error, error.__traceback__, limit=-8)
    return {"failed": {"kind": kind, "message": str(error)[:2000], "trace": "".join(lines)[-8000:]}}


def usage() -> dict[str, Any]:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_seconds": round(spent.ru_utime + spent.ru_stime, 3), "peak_mb": spent.ru_maxrss // 1024}


def serve(channel: socket.socket, config: dict[str, Any], isolation: dict[str, Any]) -> None:
    started = time.monotonic()
    try:
        sys.path.insert(0, os.path.join(os.getcwd(), "modules"))
        program = load_program(config["program"], "gatewright_program")
        state = program.start(config["options"])
    except BaseException as error:
        write_frame(channel, told(error))
        return
    write_frame(channel, {"ready": isolation, "seconds": round(time.monotonic() - started, 3), "usage": usage()})
    while (frame := read_frame(channel)) is not None:
        try:
            value = getattr(program, frame["call"])(state, frame["request"])
            answer = {"value": value, "usage": usage()}
            json.dumps(answer, allow_nan=False)
        except BaseException as error:
            answer = told(error)
        write_frame(channel, answer)


def inner(channel: socket.socket, config: dict[str, Any], isolation: dict[str, Any], tasks: int) -> int:
    work = config["work"]
    refused = isolation.pop("refused", None)
    if refused is None:
        try:
            new_file_system(config["root"], work)
            isolation["files"], work = "own", INSIDE
        except (Refused, OSError) as error:
            refused = str(error)
    if refused is not None and not config["allow_network"]:
        write_frame(channel, {"refused": refused})
        return 0
    if refused is not None:
        isolation["refused"] = refused
    try:
        limit(config["limits"], tasks)
        os.chdir(work)
        if config["user"] is not None:
            become(*config["user"])
        drop_capabilities()
        checked("no new privileges", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        die_with_parent()  # again: a change of user clears it
    except (Refused, OSError) as error:
        write_frame(channel, {"refused": str(error)})
        return 0
    os.environ.update(HOME=work, TMPDIR=os.path.join(work, "tmp"))
    isolation["user"] = os.getuid()
    forget_the_house()
    serve(channel, config, isolation)
    return 0


def main() -> int:
    channel = socket.socket(fileno=int(sys.argv[1]))
    config = read_frame(channel)
    if config is None:
        return 0
    die_with_parent()
    if os.getppid() != config["parent"]:  # it died before we asked to die with it
        return 0
    root = os.getuid() == 0
    tasks = 0 if root else tasks_of(os.getuid())
    isolation: dict[str, Any] = {"network": "none", "processes": "own", "files": "shared"}
    try:
        new_namespaces(root)
    except Refused as error:
        isolation.update(network="open", processes="shared", refused=str(error))
    child = os.fork()
    if child == 0:
        code = 70
        try:
            die_with_parent()
            code = inner(channel, config, isolation, tasks)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    channel.close()
    _, status, spent = os.wait4(child, 0)
    cpu_seconds = config["limits"]["cpu_seconds"]
    if cpu_seconds is not None and os.WIFSIGNALED(status) and spent.ru_utime + spent.ru_stime >= cpu_seconds - 0.5:
        return 128 + signal.SIGXCPU
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


if __name__ == "__main__":
    sys.exit(main())
