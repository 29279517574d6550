"""From an LMS download to `submitted/`: whose file is it, and is it newer than what is there.

Threat: names and archives of strangers write outside `submitted/`, into another student's folder, or fill the disk. Nothing is unpacked:
files are read one by one, within limits, and written under names of our own; links, devices, encrypted members and names that lead
elsewhere are refused and listed. The first part of a path that matches decides whose file it is, and only an archive at the top of the
download can name students, so that nobody hands in for another. A file is replaced in one step, by a newer one only.
"""
import logging
import os
import re
import shutil
import stat
import tempfile
import time
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin
from nbgrader.utils import parse_utc
from traitlets import List

from .gradebook import ASSIGNMENT, advice, course_directory
from .intake import MOST_BYTES, size

NOTEBOOK, SUBMISSION = f"{ASSIGNMENT}.ipynb", "submission.json"
SUBMISSION_BYTES = 2**20
ARCHIVE_BYTES = 64 * 2**20   # of one student's archive, and of all that is read from it
MEMBERS = 1000               # of one student's archive
ENTRIES = 100_000            # of a whole download
LONGEST_NAME, DEEPEST = 1000, 30
NO_ROOM = 28, 122            # ENOSPC, EDQUOT
LONGEST = 100                # characters of a student's id

# Canvas: `lastfirst_LATE_12345_67890_name-1.ipynb`, where 12345 is the user and 67890 grows with every upload.
CANVAS = r"(?:.*/)?(?P<name>[^_/]+)(?P<late>_LATE|_late)?_(?P<id>\d+)_(?P<upload>\d+)_(?P<file_id>[^/]*[A-Za-z][^/]*\.\w+)$"
# Moodle: `Full Name_123456_assignsubmission_file_/name.ipynb`, or with the file name in place of the slash.
MOODLE = r"(?:.*/)?(?P<name>[^/]+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file_id>[^/]*)$"
# Blackboard: `Assignment_userid_attempt_2026-01-31-23-59-00_name.ipynb`; the time has no zone and is read as UTC.
BLACKBOARD = r"(?:.*/)?[^/]*?_(?P<student_id>[^_/]+)_attempt_(?P<timestamp>\d{4}(?:-\d\d){5})_(?P<file_id>[^/]+\.\w+)$"

NAME = re.compile(rf"(?:(?P<notebook>{ASSIGNMENT.replace('_', '[_ +]')})|submission)(?P<copy>[-_ +()\d]*|[-_ +]*copy.*)\.(?(notebook)ipynb|json)", re.I)
JUNK = re.compile(r"(^|/)(__MACOSX|\.ipynb_checkpoints|\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)(/|$)")


class CollectError(RuntimeError):
    "Nothing was collected; the message is one line that says what to do."


class FileNames(FileNameCollectorPlugin):
    """nbgrader's collector of named groups, with the patterns of Canvas, Moodle and Blackboard after the course's own `named_regexp`.

    The shortest leading part of a path that matches names the student, so that folders inside it cannot.
    """
    valid_ext = List([".ipynb", ".json", ".zip"]).tag(config=True)

    def collect(self, submitted_file):
        "{student_id, file_id} and, where the name has them, timestamp, upload, late; None where nothing matches."
        kind, parts, own = os.path.splitext(submitted_file)[1].lower(), submitted_file.split("/"), self.named_regexp
        if kind not in self.valid_ext: return None
        try:
            for end in range(1, len(parts) + 1):
                for self.named_regexp in filter(None, (own, CANVAS, MOODLE, BLACKBOARD)):
                    if found := self._match("/".join(parts[:end])):
                        if not found.get("student_id"): found["student_id"] = f"{found['name']}_{found['id']}"
                        file_id = "/".join([found["file_id"], *parts[end:]]).strip("/")
                        return found | {"file_id": os.path.splitext(file_id)[0] + kind}
        finally: self.named_regexp = own
        return None


@dataclass
class Candidate:
    "One file that somebody handed in: where its bytes are kept, and what says how new it is."
    name: str
    kept: Path
    timestamp: datetime | None
    upload: int
    modified: float
    copy: int

    @property
    def order(self):
        return self.timestamp or datetime.min, self.upload, self.modified, self.copy


@dataclass
class Collected:
    "What became of a download: students whose submission is in place, those who keep a newer one, files not taken and why, remarks."
    matched: list = field(default_factory=list)
    kept: list = field(default_factory=list)
    unmatched: list = field(default_factory=list)
    notes: list = field(default_factory=list)


class Refused(ValueError):
    "Why a file is not taken."


class NotNewer(Refused):
    "What is there stays."


def student_folder(student_id):
    "A folder name for a student: letters, digits and . _ @ - only, not hidden, at most LONGEST characters; empty when nothing is left."
    name = re.sub(r"[^\w.@-]+", "_", unicodedata.normalize("NFC", student_id)).strip("._-")
    if len(name.encode()) <= LONGEST: return name
    end = name.rpartition("_")[2][-30:]   # the number that tells namesakes apart
    return name.encode()[:LONGEST - 1 - len(end.encode())].decode(errors="ignore") + "_" + end


class Download:
    "Reads a download, file by file, into `scratch`."

    def __init__(self, plugin, scratch):
        self.plugin, self.scratch, self.found, self.ids = plugin, scratch, {}, {}
        self.result, self.entries, self.late = Collected(), 0, set()

    def refuse(self, name, why):
        self.result.unmatched.append(f"{name[:300]}: {why}")

    def folder(self, path, parts=()):
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            name = "/".join([*parts, entry.name])
            mode = entry.stat(follow_symlinks=False).st_mode
            if JUNK.search(name): continue
            if stat.S_ISDIR(mode) and len(parts) < DEEPEST: self.folder(entry.path, (*parts, entry.name))
            elif not stat.S_ISREG(mode): self.refuse(name, "is a link, a device or too deep; only files are taken")
            else:
                flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                self.file((*parts, entry.name), lambda: open(os.open(entry.path, flags), "rb"), entry.stat().st_mtime, top=not parts)

    def archive(self, file, parts, strict):
        "Every member of the zip in `file`; `strict`: it is a student's, and has limits."
        where, left = "/".join(parts), ARCHIVE_BYTES
        try: members = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as e: return self.refuse(where, f"is no zip archive ({e})")
        with members:
            found = members.infolist()
            if strict and len(found) > MEMBERS: return self.refuse(where, f"has {len(found)} members, expected at most {MEMBERS}")
            for member in found:
                name = f"{where}/{member.filename}" if where else member.filename
                kind, path = stat.S_IFMT(member.external_attr >> 16), re.split(r"[/\\]", member.orig_filename)
                if member.is_dir() or JUNK.search(name): continue
                if {"", ".", ".."} & set(path) or any(re.match("[A-Za-z]:", part) for part in path) or re.search(r"[\\\0]", member.orig_filename):
                    self.refuse(name, "its name leads out of the archive or is ambiguous; it was not read")
                elif kind not in (0, stat.S_IFREG): self.refuse(name, "is a link or a device; it was not read")
                elif member.flag_bits & 1: self.refuse(name, "is encrypted; ask for it without a password")
                elif strict and left <= 0: return self.refuse(where, f"holds more than {size(ARCHIVE_BYTES)}; the rest was not read")
                else: left -= self.file((*parts, *path), lambda: members.open(member), modified(member), top=False)

    def file(self, parts, open_file, modified, top):
        "Take one file where somebody's name is on it; returns how many bytes were read."
        name, self.entries = "/".join(parts), self.entries + 1
        if self.entries > ENTRIES: raise CollectError(f"the download has more than {ENTRIES} files; collect it in parts")
        kind = os.path.splitext(parts[-1])[1].lower()
        if len(name) > LONGEST_NAME or len(parts) > DEEPEST:
            self.refuse(name, f"has a name of over {LONGEST_NAME} characters or {DEEPEST} folders; it was not read")
            return 0
        try:
            if kind in (".gz", ".tgz", ".tar", ".rar", ".7z", ".bz2", ".xz"):
                raise Refused("is an archive of a kind that is not opened; put its notebook in its place")
            if kind not in (".ipynb", ".json", ".zip"): raise Refused(f"is no notebook; expected {NOTEBOOK}")
            about = self.plugin.collect(name)
            if kind == ".zip":
                if not about and not top: raise Refused("matches no pattern of names, and is not at the top of the download")
                if about and about["file_id"].lower().count(".zip") > 1: raise Refused("is an archive in an archive in an archive; it was not opened")
                if not about:
                    with open_file() as whole: self.archive(whole, parts, strict=False)
                    return 0
                with tempfile.TemporaryFile(dir=self.scratch) as copy:
                    read = self.copy(open_file, copy, ARCHIVE_BYTES)
                    self.archive(copy, parts, strict=True)
                return read
            if not about:
                raise Refused("matches no pattern of names; expected those of Canvas, Moodle or Blackboard, or your own: "
                              "c.FileNameCollectorPlugin.named_regexp in nbgrader_config.py")
            return self.take(name, about, open_file, modified)
        except Refused as e: self.refuse(name, e)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as e:
            if isinstance(e, CollectError): raise
            if isinstance(e, OSError) and e.errno in NO_ROOM: raise   # not the file's fault
            self.refuse(name, f"cannot be read ({e or type(e).__name__})")
        return 0

    def take(self, name, about, open_file, modified):
        "Keep a notebook or a submission.json among its student's candidates."
        own = about["file_id"].split("/")[-1]   # without what the LMS put before it
        named, wanted = NAME.fullmatch(own), SUBMISSION if own.endswith(".json") else NOTEBOOK
        if not named:
            before = name.split("/")[-1][:-len(own)] if name.lower().endswith(own.lower()) else ""
            raise Refused(f"has another name; if it is the one, rename it to {before}{wanted} and collect again")
        target = NOTEBOOK if named["notebook"] else SUBMISSION
        student = student_folder(about["student_id"])
        if not student: raise Refused(f"got no usable name for a student from {about['student_id']!r}")
        if self.ids.setdefault(student, about["student_id"]) != about["student_id"]:
            raise Refused(f"{about['student_id']!r} and {self.ids[student]!r} would share the folder {student}")
        with tempfile.NamedTemporaryFile(dir=self.scratch, delete=False) as copy:
            read = self.copy(open_file, copy, MOST_BYTES if target == NOTEBOOK else SUBMISSION_BYTES)
        if about.get("late"): self.late.add(student)
        number = -1 if "copy" in named["copy"].lower() else max([int(digits[:9]) for digits in re.findall(r"\d+", named["copy"])], default=0)
        self.found.setdefault(student, {}).setdefault(target, []).append(
            Candidate(name, Path(copy.name), time_in_name(about.get("timestamp")), int((about.get("upload") or "0")[:18]), modified, number))
        return read

    def copy(self, open_file, copy, most):
        read = 0
        with open_file() as file:
            while data := file.read(2**18):
                read += len(data)
                if read > most: raise Refused(f"has more than {size(most)}; it was not taken")
                copy.write(data)
        return read


def modified(member):
    "When a member of a zip was last changed, in seconds since 1970; 0 where the archive does not say."
    try: return time.mktime((*member.date_time, 0, 0, -1)) if member.date_time[0] > 1980 else 0.0
    except (ValueError, OverflowError): return 0.0


def time_in_name(written):
    "The time that a file name carries, naive UTC; None where there is none or it is no time."
    if not written: return None
    try: return datetime.strptime(written, "%Y-%m-%d-%H-%M-%S")
    except ValueError: pass
    try: return parse_utc(written)
    except (ValueError, OverflowError, TypeError, ArithmeticError, AttributeError): return None


def newest(candidates, like=None):
    "The latest candidate, of those beside `like` where there are any; and the others."
    beside = [c for c in candidates if like is not None and os.path.dirname(c.name) == os.path.dirname(like.name)] or candidates
    chosen = max(beside, key=lambda candidate: candidate.order)
    return chosen, [c for c in candidates if c is not chosen]


def place(target, chosen):
    """Put the `chosen` files ({name: Candidate}) of one student into the folder `target`; returns what was done.

    What is there stays when it is the same or not older; the notebook goes last, so that an interrupted run is finished by the next.
    """
    for folder in (target, target.parent):
        if folder.is_symlink(): raise Refused(f"{folder} is a link; remove it and collect again")
    if target.exists() and not target.is_dir(): raise Refused(f"{target} is no folder; remove it and collect again")
    there = {name: target / name for name in (NOTEBOOK, SUBMISSION) if os.path.lexists(target / name)}
    same = {name for name, c in chosen.items() if name in there and content(there[name]) == c.kept.read_bytes()}
    if same == chosen.keys(): return "the same as before"
    notebook = chosen[NOTEBOOK]
    if there and not newer(target, there, chosen, same):
        raise NotNewer(f"is not newer than what is in {target}, which stays; remove that to take this one")
    target.mkdir(parents=True, exist_ok=True)
    if notebook.timestamp:
        written = notebook.kept.with_suffix(".time")
        written.write_text(f"{notebook.timestamp.isoformat(' ')} UTC")
        os.replace(written, target / "timestamp.txt")
    elif NOTEBOOK not in same: (target / "timestamp.txt").unlink(missing_ok=True)
    if SUBMISSION not in chosen and NOTEBOOK not in same: (target / SUBMISSION).unlink(missing_ok=True)
    for name in (SUBMISSION, NOTEBOOK):
        if name in chosen and name not in same:
            os.chmod(chosen[name].kept, 0o644)
            if chosen[name].modified: os.utime(chosen[name].kept, (chosen[name].modified,) * 2)
            os.replace(chosen[name].kept, target / name)
    return "replaced" if NOTEBOOK in there else "new"


def content(path):
    "The bytes of a file that is there; None for a link, a device, or one too large to be a submission."
    about = os.lstat(path)
    return path.read_bytes() if stat.S_ISREG(about.st_mode) and about.st_size <= MOST_BYTES else None


def newer(target, there, chosen, same):
    "Whether the `chosen` files are newer than those `there`: by the times that both carry, else by when the files were last changed."
    at = chosen[NOTEBOOK].timestamp
    written = target / "timestamp.txt"
    before = time_in_name((content(written) or b"").decode("utf-8", "replace").strip()) if os.path.lexists(written) else None
    if at and before and at != before: return at > before
    decides = SUBMISSION if NOTEBOOK in same else NOTEBOOK
    return decides not in there or chosen[decides].modified > os.lstat(there[decides]).st_mtime


def collect(course, downloads):
    """Sort the LMS download `downloads`, a folder or a zip, into COURSE/submitted; returns the Collected.

    CollectError when `downloads` is neither, or the disk is full; what was placed before is whole.
    """
    course, downloads = Path(course).resolve(), Path(downloads)
    directory, config = course_directory(course)
    if downloads.is_dir() and (course / directory.submitted_directory) in (downloads.resolve(), *downloads.resolve().parents):
        raise CollectError(f"{downloads}: lies inside the course's own {directory.submitted_directory}/; give the LMS download")
    if not downloads.is_dir() and not downloads.is_file():
        raise CollectError(f"{downloads}: got neither a folder nor a file, expected an LMS download")
    quiet = logging.getLogger(__name__)
    quiet.setLevel(logging.CRITICAL)   # nbgrader warns of every pattern that does not match
    names = FileNames(config=config, log=quiet)
    try: groups = re.compile(names.named_regexp).groupindex
    except re.error as e: raise CollectError(f"c.FileNameCollectorPlugin.named_regexp: {e}; mend it in nbgrader_config.py") from None
    if names.named_regexp and not {"student_id", "file_id"} <= groups.keys():
        raise CollectError(f"c.FileNameCollectorPlugin.named_regexp: got the groups {', '.join(groups) or 'none'}, expected student_id and file_id")
    scratch = Path(tempfile.mkdtemp(prefix=".collect-", dir=course))
    try:
        download = Download(names, scratch)
        if downloads.is_dir(): download.folder(downloads)
        elif not zipfile.is_zipfile(downloads): raise CollectError(f"{downloads}: is no zip archive; give the folder it was unpacked to")
        else: download.archive(downloads, (), strict=False)
        result = download.result
        for student, files in sorted(download.found.items()):
            if NOTEBOOK not in files:
                for candidate in files[SUBMISSION]: result.unmatched.append(f"{candidate.name}: came without a notebook of {student}")
                continue
            notebook, others = newest(files[NOTEBOOK])
            chosen = {NOTEBOOK: notebook}
            if SUBMISSION in files: chosen[SUBMISSION], _ = newest(files[SUBMISSION], like=notebook)
            result.notes += [f"{c.name}: left for the later {notebook.name}" for c in others]
            try: done = place(Path(directory.format_path(directory.submitted_directory, student, ASSIGNMENT)), chosen)
            except NotNewer as e: result.kept.append(f"{notebook.name}: {e}")
            except Refused as e: result.unmatched.append(f"{notebook.name}: {e}")
            else: result.matched.append(f"{student}: {done}")
        if late := sorted(download.late):
            result.notes.append(f"marked late by the LMS, which gives no time, so that nothing is taken off: {', '.join(late)}")
        return result
    except OSError as e:
        target = next((str(name) for name in (e.filename2, e.filename) if name and not str(name).startswith(str(scratch))), course)
        raise CollectError(f"{target}: {e.strerror}; what was placed before is whole: {advice(e, str(e.strerror))} and collect again") from e
    finally: shutil.rmtree(scratch, ignore_errors=True)
