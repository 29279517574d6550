"""Reads an LMS download file by file: whose is it, which notebook is it, how new is it.

Threat: names and archives of strangers write outside `submitted/`, into another student's folder, or fill the disk.
Nothing is unpacked: files are read one by one, within limits, and kept under names of our own; links, devices,
encrypted members and names that lead elsewhere are refused and listed. The first part of a path that matches decides
whose file it is, and only an archive at the top of the download can name students, so that nobody hands in for
another.
"""
import os
import re
import stat
import tempfile
import time
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin
from traitlets import List

from . import lms
from .gradebook import ASSIGNMENT
from .intake import MOST_BYTES, listed, size

SUBMISSION = "submission.json"
SUBMISSION_BYTES = 2**20
ARCHIVE_BYTES = 64 * 2**20   # of one student's archive, and of all that is read from it
MEMBERS = 1000               # of one student's archive
ENTRIES = 100_000            # of a whole download
LONGEST_NAME, DEEPEST = 1000, 30
NO_ROOM = 28, 122            # ENOSPC, EDQUOT
LONGEST = 100                # characters of a student's id

GRADE_ID = re.compile(r'"grade_id"\s*:\s*"([^"\\]{1,200})"')
METADATA = "submission_metadata.yml"
METADATA_BYTES = 16 * 2**20   # of Gradescope's list of submissions
ARCHIVES = ".gz", ".tgz", ".tar", ".rar", ".7z", ".bz2", ".xz"   # that are not opened
JUNK = re.compile(r"(^|/)(__MACOSX|\.ipynb_checkpoints|\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)(/|$)")


class CollectError(RuntimeError):
    "Nothing was collected; the message is one line that says what to do."


class Refused(ValueError):
    "Why a file is not taken."


@dataclass(frozen=True)
class Wanted:
    "What an assignment's students hand in: the names of its notebooks, each with the grade_ids of its cells."
    assignment: str = ASSIGNMENT
    notebooks: dict = field(default_factory=lambda: {ASSIGNMENT: frozenset()})

    @cached_property
    def pattern(self):
        names = sorted(self.notebooks, key=len, reverse=True)
        books = "|".join(re.sub(r"[_ ]|\\ ", "[_ +]", re.escape(name)) for name in names)
        claim = "|submission" if self.assignment == ASSIGNMENT else ""
        return re.compile(rf"(?:(?P<notebook>{books}){claim})(?P<copy>[-_ +()\d]*|[-_ +]*copy.*)"
                          r"\.(?(notebook)(?:ipynb|json)|json)", re.I)

    @property
    def files(self):
        "What to hand in, for a sentence."
        return " or ".join(f"{name}.ipynb" for name in self.notebooks)

    def match(self, own):
        "(which file of the assignment a file called `own` is, what a copy of it has after the name), or None."
        found = self.pattern.fullmatch(own)
        if not found: return None
        plain = lambda name: re.sub(r"[_ +]", "_", name).lower()
        name = next((f"{name}.ipynb" for name in self.notebooks if plain(name) == plain(found["notebook"] or "")),
                    SUBMISSION)
        return name, found["copy"]


class FileNames(FileNameCollectorPlugin):
    """nbgrader's collector of named groups, with the patterns of `lms` after the course's own `named_regexp`.

    The shortest leading part of a path that matches names the student, so that folders inside it cannot.
    """
    valid_ext = List([".ipynb", ".json", ".zip"]).tag(config=True)
    wanted = Wanted()

    def collect(self, submitted_file):
        """{student_id or blackboard or gradescope, file_id} and, where the name has them, timestamp, upload, late;
        None where nothing matches."""
        kind, parts = os.path.splitext(submitted_file)[1].lower(), submitted_file.split("/")
        if kind not in self.valid_ext: return None
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            found = (self.named_regexp and self._match(path)) or lms.reading(path, self.wanted.match)
            if not found: continue
            if not {"student_id", "blackboard", "gradescope"} & found.keys():
                found["student_id"] = f"{found['name']}_{found['id']}"
            file_id = "/".join([found["file_id"], *parts[end:]]).strip("/")
            return found | {"file_id": os.path.splitext(file_id)[0] + kind}
        return None


@dataclass
class Candidate:
    "One file that somebody handed in: where its bytes are kept, and what says how new it is."
    name: str
    kept: Path
    timestamp: datetime | None
    unclear: bool   # there is a time that cannot be read
    by_name: bool   # nothing but a name says whose it is, and namesakes have one
    upload: int
    modified: float
    copy: int

    @property
    def order(self):
        return self.timestamp or datetime.min, self.upload, self.modified, self.copy


@dataclass
class Collected:
    """What became of a download: students whose submission is in place, those who keep a newer one, files not taken
    and why, remarks."""
    matched: list = field(default_factory=list)
    kept: list = field(default_factory=list)
    unmatched: list = field(default_factory=list)
    notes: list = field(default_factory=list)


def student_folder(student_id):
    """A folder name for a student: letters, digits and . _ @ - only, not hidden, at most LONGEST characters; empty
    when nothing is left."""
    name = re.sub(r"[^\w.@-]+", "_", lms.one_form(student_id)).strip("._-")
    if len(name.encode()) <= LONGEST: return name
    end = name.rpartition("_")[2][-30:]   # the number that tells namesakes apart
    return name.encode()[:LONGEST - 1 - len(end.encode())].decode(errors="ignore") + "_" + end


class Download:
    "Reads a download, file by file, into `scratch`: `found` is {student: {name of a file: Candidates}}."

    def __init__(self, plugin, scratch, wanted, known=(), prefix=""):
        self.plugin, self.scratch, self.wanted, self.known, self.prefix = plugin, scratch, wanted, set(known), prefix
        self.found, self.ids, self.others, self.heads, self.people = {}, {}, {}, {}, {}
        self.result, self.entries, self.late, self.receipts = Collected(), 0, set(), 0

    def refuse(self, name, why):
        self.result.unmatched.append(f"{name[:300]}: {why}")

    # ---- folders and archives

    def folder(self, path, parts=()):
        metadata = Path(path, METADATA)
        if (len(parts) < 3 and metadata.is_file() and not metadata.is_symlink()
            and metadata.stat().st_size < METADATA_BYTES):
            self.people |= lms.gradescope_students(metadata.read_text(encoding="utf-8", errors="replace"))
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            name = "/".join([*parts, entry.name])
            mode = entry.stat(follow_symlinks=False).st_mode
            if JUNK.search(name): continue
            if stat.S_ISDIR(mode) and len(parts) < DEEPEST: self.folder(entry.path, (*parts, entry.name))
            elif not stat.S_ISREG(mode): self.refuse(name, "is a link, a device or too deep; only files are taken")
            else:
                flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                self.file((*parts, entry.name), lambda: open(os.open(entry.path, flags), "rb"), entry.stat().st_mtime,
                          top=not parts)

    def archive(self, file, parts, strict):
        "Every member of the zip in `file`; `strict`: it is a student's, and has limits."
        where, left = "/".join(parts), ARCHIVE_BYTES
        try: members = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as e:
            return self.refuse(where, f"is no zip archive ({e})")
        with members:
            found = members.infolist()
            if not strict: self._people_in(members, found)
            if strict and len(found) > MEMBERS:
                return self.refuse(where, f"has {len(found)} members, expected at most {MEMBERS}")
            for member in found:
                written = spelled(member)
                name = f"{where}/{written}" if where else written
                if member.is_dir() or JUNK.search(name): continue
                if why := unread(member, written): self.refuse(name, why)
                elif strict and left <= 0:
                    return self.refuse(where, f"holds more than {size(ARCHIVE_BYTES)}; the rest was not read")
                else:
                    left -= self.file((*parts, *re.split(r"[/\\]", written)), lambda: members.open(member),
                                      modified(member), top=False)

    def _people_in(self, members, found):
        for member in found:
            if member.filename.endswith(METADATA) and member.file_size < METADATA_BYTES:
                self.people |= lms.gradescope_students(members.read(member).decode("utf-8", "replace"))

    # ---- files

    def file(self, parts, open_file, modified, top):
        "Take one file where somebody's name is on it; returns how many bytes were read."
        name, self.entries = lms.saved_as("/".join(parts)), self.entries + 1
        if self.entries > ENTRIES:
            raise CollectError(f"the download has more than {ENTRIES} files; collect it in parts")
        if lms.RECEIPT.fullmatch(name) or parts[-1] == METADATA:   # what the LMS itself wrote
            self.receipts += 1
            return 0
        try: return self._read(name, parts, open_file, modified, top)
        except Refused as e: self.refuse(name, e)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as e:
            if isinstance(e, CollectError): raise
            if isinstance(e, OSError) and e.errno in NO_ROOM: raise   # not the file's fault
            self.refuse(name, f"cannot be read ({e or type(e).__name__})")
        return 0

    def _read(self, name, parts, open_file, modified, top):
        kind = os.path.splitext(name)[1].lower()
        if len(name) > LONGEST_NAME or len(parts) > DEEPEST:
            raise Refused(f"has a name of over {LONGEST_NAME} characters or {DEEPEST} folders; it was not read")
        if kind in ARCHIVES: raise Refused("is an archive of a kind that is not opened; put its notebook in its place")
        if kind not in (".ipynb", ".json", ".zip"): raise Refused(f"is no notebook; expected {self.wanted.files}")
        about = self.plugin.collect(name)
        if kind == ".zip": return self._zip(about, parts, open_file, top)
        if not about and self.wanted.assignment in parts[:-1]:
            raise Refused("lies in folders as nbgrader keeps them, which say nothing of an LMS; copy it to "
                          f"submitted/STUDENT/{self.wanted.assignment}/ of the course yourself")
        if not about:
            raise Refused(f"matches no pattern of names; expected those of {lms.EXAMPLES}, or your own: "
                          "c.FileNameCollectorPlugin.named_regexp in nbgrader_config.py")
        return self.take(name, about, open_file, modified)

    def _zip(self, about, parts, open_file, top):
        if about is None:
            if not top: raise Refused("matches no pattern of names, and is not at the top of the download")
            with open_file() as whole: self.archive(whole, parts, strict=False)
            return 0
        if about["file_id"].lower().count(".zip") > 1:
            raise Refused("is an archive in an archive in an archive; it was not opened")
        with tempfile.TemporaryFile(dir=self.scratch) as copy:
            read = self.copy(open_file, copy, ARCHIVE_BYTES)
            self.archive(copy, parts, strict=True)
        return read

    def take(self, name, about, open_file, modified):
        "Keep a notebook or a submission.json among its student's candidates."
        own = about["file_id"].split("/")[-1]   # without what the LMS put before it
        file, written = self.wanted.match(own) or ("", "")
        notebook = own.lower().endswith(".ipynb") or file not in ("", SUBMISSION)
        if not file and not notebook:
            raise Refused(f"has another name; if it is the one, rename it to {renamed(name, own, SUBMISSION)} and "
                          "collect again" if self.wanted.assignment == ASSIGNMENT
                          else f"is no notebook; expected {self.wanted.files}")
        key, timestamp = self.owner(about)
        try: time, unclear = lms.time_of(timestamp), False
        except ValueError: time, unclear = None, True
        with tempfile.NamedTemporaryFile(dir=self.scratch, delete=False) as copy:
            read = self.copy(open_file, copy, MOST_BYTES if notebook else SUBMISSION_BYTES)
        number = -1 if "copy" in written.lower() else max([int(digits[:9]) for digits in re.findall(r"\d+", written)],
                                                          default=0)
        candidate = Candidate(name, Path(copy.name), time, unclear, bool(about.get("by_name")),
                              int((about.get("upload") or "0")[:18]), modified, number)
        if about.get("late"): self.late.add(key)
        if file: self.found.setdefault(key, {}).setdefault(file, []).append(candidate)
        else: self.others.setdefault(key, []).append((candidate, own))
        return read

    def owner(self, about):
        "(key of a student, time) of a file; two students who would share a folder are refused."
        timestamp = about.get("timestamp")
        if "blackboard" in about:
            return self.heads.setdefault(about["blackboard"], f"\0{about['blackboard']}"), timestamp
        who = about.get("student_id")
        if "gradescope" in about: who, timestamp = self.people.get(about["gradescope"], (about["gradescope"], None))
        who = lms.one_form(who)
        student = student_folder(who)
        if not student: raise Refused(f"got no usable name for a student from {who!r}")
        if self.ids.setdefault(student, who) != who:
            raise Refused(f"{who!r} and {self.ids[student]!r} would share the folder {student}")
        return student, timestamp

    # ---- who is who

    def settle(self):
        "Give notebooks under other names and Blackboard's files to their students, or refuse them."
        for key, candidates in sorted(self.others.items()): self._by_grade_ids(key, candidates)
        heads = [head for head, key in self.heads.items() if key in self.found]
        self.prefix = lms.blackboard_prefix(heads, self.known, self.prefix) if heads else self.prefix
        users = [head[len(self.prefix):] for head in heads]
        if self.prefix.count("_") > 1 and not self.known & set(users):
            self.result.notes.append(f"Blackboard's files begin with {self.prefix!r}; what follows was taken for the "
                                     f"user name ({listed(users)}). A roster in the gradebook decides otherwise")
        for head in heads: self._of_blackboard(head)

    def _of_blackboard(self, head):
        key, who = self.heads[head], head[len(self.prefix):] if self.prefix else ""
        files, student = self.found.pop(key), student_folder(who)
        if not student:
            why = ("which part of its name is the user cannot be told; put the students into the gradebook (nbgrader "
                   "db student import), or a pattern into nbgrader_config.py: c.FileNameCollectorPlugin.named_regexp")
        elif self.ids.setdefault(student, head) != head:
            why = f"{who!r} and {self.ids[student]!r} would share the folder {student}"
        else:
            self.found[student] = files
            if key in self.late: self.late.add(student)
            return
        for candidates in files.values():
            for candidate in candidates: self.refuse(candidate.name, why)

    def _by_grade_ids(self, key, candidates):
        "A student's only notebook with cells of one that is missing is that one, whatever its name."
        files, left = self.found.setdefault(key, {}), candidates
        for name, ids in self.wanted.notebooks.items():
            if f"{name}.ipynb" in files: continue
            ours = [one for one in left if ids & set(GRADE_ID.findall(one[0].kept.read_text("utf-8", "replace")))]
            if len(ours) != 1: continue
            files[f"{name}.ipynb"], left = [ours[0][0]], [one for one in left if one is not ours[0]]
            self.result.notes.append(f"{ours[0][0].name}: taken for {name}.ipynb by the cells in it")
        for candidate, own in left:
            better = " or ".join(renamed(candidate.name, own, f"{name}.ipynb") for name in self.wanted.notebooks)
            self.refuse(candidate.name, f"has none of the assignment's cells, other than {candidates[0][1]}"
                        if len(left) < len(candidates) else
                        f"has another name; if it is the one, rename it to {better} and collect again")
        if not files: del self.found[key]

    def copy(self, open_file, copy, most):
        read = 0
        with open_file() as file:
            while data := file.read(2**18):
                read += len(data)
                if read > most: raise Refused(f"has more than {size(most)}; it was not taken")
                copy.write(data)
        return read


def unread(member, written):
    "Why the member of a zip with the name `written` is not read, or None."
    path, kind = re.split(r"[/\\]", written), stat.S_IFMT(member.external_attr >> 16)
    if ({"", ".", ".."} & set(path) or any(re.match("[A-Za-z]:", part) for part in path)
        or re.search(r"[\\\0]", member.orig_filename)):
        return "its name leads out of the archive or is ambiguous; it was not read"
    if kind not in (0, stat.S_IFREG): return "is a link or a device; it was not read"
    return "is encrypted; ask for it without a password" if member.flag_bits & 1 else None


def modified(member):
    "When a member of a zip was last changed, in seconds since 1970; 0 where the archive does not say."
    try: return time.mktime((*member.date_time, 0, 0, -1)) if member.date_time[0] > 1980 else 0.0
    except (ValueError, OverflowError): return 0.0


def spelled(member):
    "The name of a zip's member; a Mac writes UTF-8 and does not say so."
    if member.flag_bits & 0x800: return member.orig_filename
    try: return member.orig_filename.encode("cp437").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError): return member.orig_filename


def renamed(name, own, wanted):
    "`name` with the student's own part replaced by what is expected."
    return (name.split("/")[-1][:-len(own)] if name.lower().endswith(own.lower()) else "") + wanted
