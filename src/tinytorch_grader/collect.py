"""From an LMS download to `submitted/`: whose file is it, and is it newer than what is there.

Threat: names and archives of strangers write outside `submitted/`, into another student's folder, or fill the disk.
Nothing is unpacked: files are read one by one, within limits, and written under names of our own; links, devices,
encrypted members and names that lead elsewhere are refused and listed. The first part of a path that matches decides
whose file it is, and only an archive at the top of the download can name students, so that nobody hands in for
another. A file is replaced in one step, by a newer one only.
"""
import json
import logging
import os
import re
import shutil
import sqlite3
import stat
import tempfile
import time
import zipfile
import zlib
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin
from traitlets import List

from . import lms
from .gradebook import ASSIGNMENT, advice, course_directory, put
from .intake import MOST_BYTES, size
from .notebook import Trusted

NOTEBOOK, SUBMISSION = f"{ASSIGNMENT}.ipynb", "submission.json"
SUBMISSION_BYTES = 2**20
ARCHIVE_BYTES = 64 * 2**20   # of one student's archive, and of all that is read from it
MEMBERS = 1000               # of one student's archive
ENTRIES = 100_000            # of a whole download
LONGEST_NAME, DEEPEST = 1000, 30
MEMORY = ".capstone_lms"       # in a course: what an LMS called the files of its students
NO_ROOM = 28, 122            # ENOSPC, EDQUOT
LONGEST = 100                # characters of a student's id

NAME = re.compile(rf"(?:(?P<notebook>{ASSIGNMENT.replace('_', '[_ +]')})|submission)(?P<copy>[-_ +()\d]*"
                  r"|[-_ +]*copy.*)\.(?(notebook)ipynb|json)", re.I)
GRADE_ID = re.compile(r'"grade_id"\s*:\s*"([^"\\]{1,200})"')
METADATA_BYTES = 16 * 2**20   # of Gradescope's list of submissions
JUNK = re.compile(r"(^|/)(__MACOSX|\.ipynb_checkpoints|\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)(/|$)")


class CollectError(RuntimeError):
    "Nothing was collected; the message is one line that says what to do."


class FileNames(FileNameCollectorPlugin):
    """nbgrader's collector of named groups, with the patterns of `lms` after the course's own `named_regexp`.

    The shortest leading part of a path that matches names the student, so that folders inside it cannot.
    """
    valid_ext = List([".ipynb", ".json", ".zip"]).tag(config=True)

    def collect(self, submitted_file):
        """{student_id or blackboard or gradescope, file_id} and, where the name has them, timestamp, upload, late;
        None where nothing matches."""
        kind, parts = os.path.splitext(submitted_file)[1].lower(), submitted_file.split("/")
        if kind not in self.valid_ext: return None
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            found = (self.named_regexp and self._match(path)) or lms.reading(path, NAME.fullmatch)
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


class Refused(ValueError):
    "Why a file is not taken."


class NotNewer(Refused):
    "What is there stays."


def student_folder(student_id):
    """A folder name for a student: letters, digits and . _ @ - only, not hidden, at most LONGEST characters; empty
    when nothing is left."""
    name = re.sub(r"[^\w.@-]+", "_", lms.one_form(student_id)).strip("._-")
    if len(name.encode()) <= LONGEST: return name
    end = name.rpartition("_")[2][-30:]   # the number that tells namesakes apart
    return name.encode()[:LONGEST - 1 - len(end.encode())].decode(errors="ignore") + "_" + end


class Download:
    "Reads a download, file by file, into `scratch`."

    def __init__(self, plugin, scratch, grade_ids=(), known=(), prefix=""):
        self.plugin, self.scratch, self.grade_ids, self.known, self.prefix = (
            plugin, scratch, set(grade_ids), set(known), prefix)
        self.found, self.ids, self.others, self.heads, self.people = {}, {}, {}, {}, {}
        self.result, self.entries, self.late, self.receipts = Collected(), 0, set(), 0

    def refuse(self, name, why):
        self.result.unmatched.append(f"{name[:300]}: {why}")

    def folder(self, path, parts=()):
        metadata = Path(path, "submission_metadata.yml")
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
            for member in found:
                if (not strict and member.filename.endswith("submission_metadata.yml")
                    and member.file_size < METADATA_BYTES):
                    self.people |= lms.gradescope_students(members.read(member).decode("utf-8", "replace"))
            if strict and len(found) > MEMBERS:
                return self.refuse(where, f"has {len(found)} members, expected at most {MEMBERS}")
            for member in found:
                written = spelled(member)
                name = f"{where}/{written}" if where else written
                kind, path = stat.S_IFMT(member.external_attr >> 16), re.split(r"[/\\]", written)
                if member.is_dir() or JUNK.search(name): continue
                if ({"", ".", ".."} & set(path) or any(re.match("[A-Za-z]:", part) for part in path)
                    or re.search(r"[\\\0]", member.orig_filename)):
                    self.refuse(name, "its name leads out of the archive or is ambiguous; it was not read")
                elif kind not in (0, stat.S_IFREG): self.refuse(name, "is a link or a device; it was not read")
                elif member.flag_bits & 1: self.refuse(name, "is encrypted; ask for it without a password")
                elif strict and left <= 0:
                    return self.refuse(where, f"holds more than {size(ARCHIVE_BYTES)}; the rest was not read")
                else: left -= self.file((*parts, *path), lambda: members.open(member), modified(member), top=False)

    def file(self, parts, open_file, modified, top):
        "Take one file where somebody's name is on it; returns how many bytes were read."
        name, self.entries = lms.saved_as("/".join(parts)), self.entries + 1
        if self.entries > ENTRIES:
            raise CollectError(f"the download has more than {ENTRIES} files; collect it in parts")
        kind = os.path.splitext(name)[1].lower()
        if lms.RECEIPT.fullmatch(name) or parts[-1] == "submission_metadata.yml":   # what the LMS itself wrote
            self.receipts += 1
            return 0
        if len(name) > LONGEST_NAME or len(parts) > DEEPEST:
            self.refuse(name, f"has a name of over {LONGEST_NAME} characters or {DEEPEST} folders; it was not read")
            return 0
        try:
            if kind in (".gz", ".tgz", ".tar", ".rar", ".7z", ".bz2", ".xz"):
                raise Refused("is an archive of a kind that is not opened; put its notebook in its place")
            if kind not in (".ipynb", ".json", ".zip"): raise Refused(f"is no notebook; expected {NOTEBOOK}")
            about = self.plugin.collect(name)
            if kind == ".zip":
                if not about and not top:
                    raise Refused("matches no pattern of names, and is not at the top of the download")
                if about and about["file_id"].lower().count(".zip") > 1:
                    raise Refused("is an archive in an archive in an archive; it was not opened")
                if not about:
                    with open_file() as whole: self.archive(whole, parts, strict=False)
                    return 0
                with tempfile.TemporaryFile(dir=self.scratch) as copy:
                    read = self.copy(open_file, copy, ARCHIVE_BYTES)
                    self.archive(copy, parts, strict=True)
                return read
            if not about:
                raise Refused(f"matches no pattern of names; expected those of {lms.EXAMPLES}, or your own: "
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
        named, notebook = NAME.fullmatch(own), own.lower().endswith(".ipynb")
        if not named and not notebook:
            raise Refused(f"has another name; if it is the one, rename it to {renamed(name, own, SUBMISSION)} and "
                          "collect again")
        key, timestamp = self.owner(about)
        try: time, unclear = lms.time_of(timestamp), False
        except ValueError: time, unclear = None, True
        with tempfile.NamedTemporaryFile(dir=self.scratch, delete=False) as copy:
            read = self.copy(open_file, copy, MOST_BYTES if notebook else SUBMISSION_BYTES)
        written = named["copy"] if named else ""
        number = -1 if "copy" in written.lower() else max([int(digits[:9]) for digits in re.findall(r"\d+", written)],
                                                          default=0)
        candidate = Candidate(name, Path(copy.name), time, unclear, bool(about.get("by_name")),
                              int((about.get("upload") or "0")[:18]), modified, number)
        if about.get("late"): self.late.add(key)
        if named: self.found.setdefault(key, {}).setdefault(NOTEBOOK if notebook else SUBMISSION, []).append(candidate)
        else: self.others.setdefault(key, []).append((candidate, renamed(name, own, NOTEBOOK)))
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

    def settle(self):
        "Give Blackboard's files and notebooks under other names to their students, or refuse them."
        for key, candidates in sorted(self.others.items()):
            if NOTEBOOK not in self.found.get(key, {}): self._by_grade_ids(key, candidates)
            else:
                for candidate, better in candidates:
                    self.refuse(candidate.name,
                                f"has another name; if it is the one, rename it to {better} and collect again")
        heads = [head for head, key in self.heads.items() if key in self.found]
        self.prefix = lms.blackboard_prefix(heads, self.known, self.prefix) if heads else self.prefix
        for head in heads:
            key, who = self.heads[head], head[len(self.prefix):] if self.prefix else ""
            files, student = self.found.pop(key), student_folder(who)
            why = ("which part of its name is the user cannot be told; put the students into the gradebook (nbgrader "
                   "db student import), or a pattern "
                   "into nbgrader_config.py: c.FileNameCollectorPlugin.named_regexp" if not student
                   else f"{who!r} and {self.ids[student]!r} would share the folder {student}"
                   if self.ids.setdefault(student, head) != head else "")
            for candidates in files.values() if why else ():
                for candidate in candidates: self.refuse(candidate.name, why)
            if not why:
                self.found[student] = files
                if key in self.late: self.late.add(student)

    def _by_grade_ids(self, key, candidates):
        "A student's only notebook with cells of this assignment is the one, whatever its name."
        ours = [candidate for candidate, _ in candidates
                if self.grade_ids & set(GRADE_ID.findall(candidate.kept.read_text("utf-8", "replace")))]
        if len(ours) == 1:
            self.found.setdefault(key, {})[NOTEBOOK] = ours
            self.result.notes.append(f"{ours[0].name}: taken for {NOTEBOOK} by the cells in it")
        for candidate, better in candidates:
            if len(ours) != 1:
                self.refuse(candidate.name,
                            f"has another name; if it is the one, rename it to {better} and collect again")
            elif candidate is not ours[0]:
                self.refuse(candidate.name,
                            f"has none of the assignment's cells, other than {ours[0].name.split('/')[-1]}")

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


def spelled(member):
    "The name of a zip's member; a Mac writes UTF-8 and does not say so."
    if member.flag_bits & 0x800: return member.orig_filename
    try: return member.orig_filename.encode("cp437").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError): return member.orig_filename


def renamed(name, own, wanted):
    "`name` with the student's own part replaced by what is expected."
    return (name.split("/")[-1][:-len(own)] if name.lower().endswith(own.lower()) else "") + wanted


def time_in_name(written):
    "The time that a text carries, naive UTC; None where there is none or it is no time."
    try: return lms.time_of(written)
    except ValueError: return None


def newest(candidates, like=None):
    "The latest candidate, of those beside `like` where there are any; and the others."
    if like is None and len(candidates) > 1:
        if any(c.unclear for c in candidates):
            raise Refused(f"a time beside it cannot be read, so that nobody can tell which of {len(candidates)} is the "
                          "latest; collect the one that counts")
        if any(c.by_name for c in candidates):
            raise Refused("another file has the same name on it, and two students may; collect them one by one")
    beside = ([c for c in candidates if like is not None and os.path.dirname(c.name) == os.path.dirname(like.name)]
              or candidates)
    chosen = max(beside, key=lambda candidate: candidate.order)
    return chosen, [c for c in candidates if c is not chosen]


def place(target, chosen):
    """Put the `chosen` files ({name: Candidate}) of one student into the folder `target`; returns what was done.

    What is there stays when it is the same or not older; the notebook goes last, so that an interrupted run is
    finished by the next.
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
    """Whether the `chosen` files are newer than those `there`: by the times that both carry, else by when the files
    were last changed."""
    if chosen[NOTEBOOK].unclear:
        raise Refused(f"carries a time that cannot be read, so that it does not replace what is in {target}; remove "
                      "that to take this one")
    at = chosen[NOTEBOOK].timestamp
    written = target / "timestamp.txt"
    before = (time_in_name((content(written) or b"").decode("utf-8", "replace").strip()) if os.path.lexists(written)
              else None)
    if at and before and at != before: return at > before
    decides = SUBMISSION if NOTEBOOK in same else NOTEBOOK
    return decides not in there or chosen[decides].modified > os.lstat(there[decides]).st_mtime


def place_one(result, target, student, files):
    "Place the latest of one student's `files` and say in `result` what was done."
    if NOTEBOOK not in files:
        result.unmatched += [f"{candidate.name}: came without a notebook of {student}"
                             for candidate in files[SUBMISSION]]
        return
    try: notebook, others = newest(files[NOTEBOOK])
    except Refused as e:
        result.unmatched += [f"{candidate.name}: {e}" for candidate in files[NOTEBOOK]]
        return
    try:
        chosen = {NOTEBOOK: notebook}
        if SUBMISSION in files: chosen[SUBMISSION], _ = newest(files[SUBMISSION], like=notebook)
        result.notes += [f"{c.name}: left for the later {notebook.name}" for c in others]
        if notebook.unclear:
            result.notes.append(f"{notebook.name}: carries a time that cannot be read; the submission counts as "
                                "on time")
        done = place(target, chosen)
    except NotNewer as e: result.kept.append(f"{notebook.name}: {e}")
    except Refused as e: result.unmatched.append(f"{notebook.name}: {e}")
    else: result.matched.append(f"{student}: {done}")


def newest_name(files):
    "What the LMS called the latest notebook of a student."
    return max(files.get(NOTEBOOK) or files[SUBMISSION], key=lambda candidate: candidate.order).name


def remembered_names(course):
    """What earlier downloads said: {blackboard: the beginning of its names, names: {student: what the LMS called the
    file}}."""
    found = {}
    with suppress(OSError, ValueError): found = json.loads((Path(course) / MEMORY).read_text(encoding="utf-8"))
    return {"blackboard": "", "names": {}} | (found if isinstance(found, dict) else {})


def grade_ids(course, directory):
    """The grade_ids of the assignment's graded and solution cells, from the course's own source; empty where it
    cannot be read."""
    found = set()
    for path in Path(directory.format_path(directory.source_directory, ".", ASSIGNMENT)).glob("*.ipynb"):
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            trusted = Trusted(json.loads(path.read_text(encoding="utf-8")))
            found |= {trusted.grade_id(i) for i, role in enumerate(trusted.roles)
                      if role in ("solution", "test", "manual")}
    return found


def known_students(directory, submitted):
    "Students of the gradebook and those who handed in before."
    found = {path.name for path in submitted.iterdir()} if submitted.is_dir() else set()
    with (suppress(sqlite3.Error),
          closing(sqlite3.connect(f"file:{directory.root}/gradebook.db?mode=ro", uri=True)) as db):
        found |= {student for student, in db.execute("SELECT id FROM student")}
    return found


def collect(course, downloads):
    """Sort the LMS download `downloads`, a folder or a zip, into COURSE/submitted; returns the Collected.

    CollectError when `downloads` is neither, or the disk is full; what was placed before is whole.
    """
    course, downloads = Path(course).resolve(), Path(downloads)
    directory, config = course_directory(course)
    if downloads.is_dir() and (course / directory.submitted_directory) in (
            downloads.resolve(), *downloads.resolve().parents):
        raise CollectError(f"{downloads}: lies inside the course's own {directory.submitted_directory}/; give the LMS "
                           "download")
    if not downloads.is_dir() and not downloads.is_file():
        raise CollectError(f"{downloads}: got neither a folder nor a file, expected an LMS download")
    quiet = logging.getLogger(__name__)
    quiet.setLevel(logging.CRITICAL)   # nbgrader warns of every pattern that does not match
    names = FileNames(config=config, log=quiet)
    try: groups = re.compile(names.named_regexp).groupindex
    except re.error as e:
        raise CollectError(f"c.FileNameCollectorPlugin.named_regexp: {e}; mend it in nbgrader_config.py") from None
    if names.named_regexp and not {"student_id", "file_id"} <= groups.keys():
        raise CollectError(f"c.FileNameCollectorPlugin.named_regexp: got the groups {', '.join(groups) or 'none'}, "
                           "expected student_id and file_id")
    scratch = Path(tempfile.mkdtemp(prefix=".collect-", dir=course))
    try:
        submitted, memory = course / directory.submitted_directory, remembered_names(course)
        download = Download(names, scratch, grade_ids(course, directory), known_students(directory, submitted),
                            memory["blackboard"])
        if downloads.is_dir():
            download.folder(downloads, (downloads.resolve().name,) if downloads.resolve().name.endswith("-submissions")
                            else ())
        elif not zipfile.is_zipfile(downloads):
            raise CollectError(f"{downloads}: is no zip archive; give the folder it was unpacked to")
        else: download.archive(downloads, (), strict=False)
        download.settle()
        result, there = (download.result, {lms.one_form(path.name): path.name for path in submitted.iterdir()}
                         if submitted.is_dir() else {})
        for student, files in sorted(download.found.items()):
            place_one(result,
                      Path(directory.format_path(directory.submitted_directory, there.get(student, student),
                                                 ASSIGNMENT)), student, files)
        names = {student: newest_name(files) for student, files in download.found.items()}
        if names:
            put(course / MEMORY,
                json.dumps({"blackboard": download.prefix, "names": memory["names"] | names}, ensure_ascii=False))
        if download.receipts: result.notes.append(f"{download.receipts} receipts and lists of the LMS passed over")
        if late := sorted(name for name in download.late if name in download.found):
            result.notes.append("marked late by the LMS, which gives no time, so that nothing is taken off: "
                                f"{', '.join(late)}")
        return result
    except OSError as e:
        target = next((str(name) for name in (e.filename2, e.filename) if name
                       and not str(name).startswith(str(scratch))), course)
        raise CollectError(f"{target}: {e.strerror}; what was placed before is whole: {advice(e, str(e.strerror))} and "
                           "collect again") from e
    finally: shutil.rmtree(scratch, ignore_errors=True)
