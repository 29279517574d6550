"""The warm Python in a cage: what submissions import, imported; one fork a submission.

One such server for the students' side, one for the examiners'.

Threat: a submission reads, signals, or outlives what runs beside it. Each fork moves into user, process, mount, IPC
and network namespaces of its own with a fresh /tmp, behind a reaper that is its PID 1 and ends with the parent's
leash; it then gives up every capability and the system calls that open new doors, and only after that speaks on its
sockets, which nobody else here holds.
"""
import ctypes
import fcntl
import os
import resource
import signal
import site
import socket
import struct
import sys

from exam.forks import forks, kept, reap, reseed, warm
from exam.start import sources

LIBC = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
NOSUID, NODEV, REMOUNT, RDONLY, BIND, REC = 2, 4, 32, 1, 4096, 16384
SET_PDEATHSIG, SET_SECCOMP, CAPBSET_DROP, SET_NO_NEW_PRIVS = 1, 22, 24, 38
EPERM, ENOSYS, ERRNO, ALLOW = 1, 38, 0x50000, 0x7FFF0000
# System calls a notebook has no use for: (x86_64, aarch64) numbers.
DENIED = {"ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
          "memfd_create": (319, 279),
          "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186), "mount": (165, 40),
          "umount2": (166, 39),
          "unshare": (272, 97), "setns": (308, 268), "pivot_root": (155, 41), "chroot": (161, 51), "fsopen": (430, 430),
          "open_tree": (428, 428), "move_mount": (429, 429), "mount_setattr": (442, 442), "bpf": (321, 280),
          "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "add_key": (248, 217),
          "request_key": (249, 218), "keyctl": (250, 219), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
          "sync": (162, 81), "syncfs": (306, 267)}   # the disks of the whole machine
# who reads which file, which only the examiner may ask; aarch64 has no inotify_init
WATCHES = {"inotify_init": (253, 26), "inotify_init1": (294, 26), "fanotify_init": (300, 262)}
# a lease on a file that all cages see would stop whoever opens it, a notice tells who does
FCNTL, F_SETLEASE, F_NOTIFY = (72, 25), 1024, 1026
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
OPEN_FILES = 128   # a process; full socket buffers (208 KiB each) are memory that no limit counts
EXAMINER_MB = 1024   # memory of an examiner's process, which holds its tests and one frame
FILES = "/grader/files"
CLONE, CLONE3, ARCH = (56, 220), 435, (0xC000003E, 0xC00000B7)


def call(name, *args):
    "A C library function; OSError where it returns -1."
    if getattr(LIBC, name)(*args) == -1: raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, kind=None, flags=0, options=None):
    call("mount", *(s and s.encode() for s in (source, target, kind)), ctypes.c_ulong(flags),
         options and options.encode())


def deny_calls(denied):
    """Install the seccomp filter: `denied` and new user namespaces fail with EPERM, clone3 with ENOSYS (libc then uses
    clone)."""
    arch = {"x86_64": 0, "aarch64": 1}.get(os.uname().machine)
    if arch is None: return
    # BPF opcodes: load word, jump if equal / not less / any bit, return
    load, jeq, jge, jset, ret = 0x20, 0x15, 0x35, 0x45, 0x06
    rules = [(load, 0, 0, 4), (jeq, 1, 0, ARCH[arch]), (ret, 0, 0, ERRNO | EPERM), (load, 0, 0, 0)]
    if arch == 0: rules += [(jge, 0, 1, 0x40000000), (ret, 0, 0, ERRNO | EPERM)]   # the x32 variants of the same calls
    for numbers in denied.values(): rules += [(jeq, 0, 1, numbers[arch]), (ret, 0, 0, ERRNO | EPERM)]
    rules += [(jeq, 0, 1, CLONE3), (ret, 0, 0, ERRNO | ENOSYS)]
    rules += [(jeq, 0, 5, FCNTL[arch]), (load, 0, 0, 24), (jeq, 1, 0, F_SETLEASE), (jeq, 0, 1, F_NOTIFY),
              (ret, 0, 0, ERRNO | EPERM), (ret, 0, 0, ALLOW)]
    rules += [(jeq, 0, 3, CLONE[arch]), (load, 0, 0, 16), (jset, 0, 1, NEWUSER), (ret, 0, 0, ERRNO | EPERM),
              (ret, 0, 0, ALLOW)]
    code = b"".join(struct.pack("HBBI", *rule) for rule in rules)
    program = struct.pack("HxxxxxxP", len(rules), ctypes.cast(ctypes.c_char_p(code), ctypes.c_void_p).value)
    call("prctl", SET_SECCOMP, 2, program, 0, 0)


def give_up():
    "Drop every capability for good."
    for cap in range(64):
        try: call("prctl", CAPBSET_DROP, cap, 0, 0, 0)
        except OSError: break
    call("capset", struct.pack("Ii", 0x20080522, 0), bytes(24))
    call("prctl", SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def limit(limits):
    "Set the limits of this process, none above what it was started with."
    mb = 2**20
    for what, most in ((resource.RLIMIT_AS, limits["memory_mb"] * mb), (resource.RLIMIT_FSIZE, limits["file_mb"] * mb),
                       (resource.RLIMIT_NPROC, limits["processes"]), (resource.RLIMIT_NOFILE, OPEN_FILES),
                       (resource.RLIMIT_CORE, 0), (resource.RLIMIT_MEMLOCK, 0), (resource.RLIMIT_MSGQUEUE, 0)):
        hard = resource.getrlimit(what)[1]   # what this machine allows at most
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def bring(entry, place):
    "Put what lies beside the notebook, a file or a folder, at `place`: read-only, as it is in the cage."
    if entry.is_dir(): os.mkdir(place)
    else: os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    mount(entry.path, place, None, BIND | REC)


def rooms(limits):
    """Enter namespaces of our own, with a small /tmp and /dev/shm, a loopback device, and none of the /proc of the
    neighbours."""
    uid, gid = os.getuid(), os.getgid()
    call("unshare", NEWUSER | NEWPID | NEWNS | NEWIPC | NEWNET)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as f: f.write(text)
    for place, mb in (("/tmp", 2 * limits["file_mb"]), ("/dev/shm", limits["file_mb"])):
        mount("tmpfs", place, "tmpfs", NOSUID | NODEV, f"size={mb}m,nr_inodes=10000,mode=700")
    for entry in os.scandir(FILES) if os.path.isdir(FILES) else (): bring(entry, f"/tmp/{entry.name}")
    mount("/hardware", "/proc", None, BIND | REC)
    with socket.socket(type=socket.SOCK_DGRAM) as s: fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def submission(role, limits, leash, *sockets):
    "In a fresh fork: build the rooms, serve one submission over `sockets`, leave nothing behind."
    call("prctl", SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    rooms(limits)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if init := os.fork():
        for sock in sockets: sock.close()
        os.waitpid(init, 0)   # returns when every process of the submission is gone
        return
    call("prctl", SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    leash.send(b"1")
    if child := os.fork():
        for sock in sockets: sock.close()
        return reap(child, leash)
    leash.close()
    os.setsid()
    sockets = kept(sockets)
    os.chdir("/tmp")
    limit(limits if role == "student" else limits | {"memory_mb": EXAMINER_MB})
    give_up()
    deny_calls(DENIED | WATCHES if role == "student" else DENIED)
    reseed()
    serve(role, sockets)


def serve(role, sockets):
    """The student's process hands over its /tmp, in which tests read files back, before anything of the student's
    runs; then each does its part."""
    if role == "student":
        from exam import student
        folder = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY)
        socket.send_fds(sockets[0], [b"/tmp"], [folder])
        os.close(folder)
        sys.path[:] = ["", *(path for path in sys.path if path != "/grader")]   # as in Jupyter: the working folder
        student.main(sockets[0], student.CLOCK)
    from exam import examiner
    sys.path.append(FILES)   # modules beside the notebook, which shadow nothing
    path, (folder, *_), _, _ = socket.recv_fds(sockets[0], 4, 1)
    examiner.main(sockets[1], sockets[0], *sources(), (path.decode(), folder))


def main(role):
    site.setquit()
    site.sethelper()
    warm(role, ("matplotlib.pyplot", "tinytorch"))
    forks(role, submission)


if __name__ == "__main__": main(sys.argv[1])
