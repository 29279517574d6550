"""From an LMS download to `submitted/`: of what each student handed in the latest, in place in one step.

Threat: an older file replaces a newer one, two people become one, or a run that was cut off leaves half a submission.
What `download.py` could not tell apart is refused and listed. A file is replaced in one step, by a newer one only, the
notebooks last.
"""
import json
import logging
import os
import re
import shutil
import sqlite3
import stat
import tempfile
import zipfile
from contextlib import closing, suppress
from pathlib import Path

from . import lms
from .download import (
    SUBMISSION,
    CollectError,
    Download,
    FileNames,
    Refused,
    Wanted,
)
from .gradebook import ASSIGNMENT, advice, course_directory, put
from .intake import MOST_BYTES
from .notebook import Trusted

MEMORY = ".capstone_lms"       # in a course: what an LMS called the files of its students


class NotNewer(Refused):
    "What is there stays."


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

    What is there stays when it is the same or not older; the notebooks go last, so that an interrupted run is
    finished by the next.
    """
    for folder in (target, target.parent):
        if folder.is_symlink(): raise Refused(f"{folder} is a link; remove it and collect again")
    if target.exists() and not target.is_dir(): raise Refused(f"{target} is no folder; remove it and collect again")
    there = {name: target / name for name in chosen.keys() | {SUBMISSION} if os.path.lexists(target / name)}
    same = {name for name, c in chosen.items() if name in there and content(there[name]) == c.kept.read_bytes()}
    if same == chosen.keys(): return "the same as before"
    if there and not newer(target, there, chosen, same):
        raise NotNewer(f"is not newer than what is in {target}, which stays; remove that to take this one")
    target.mkdir(parents=True, exist_ok=True)
    changed = books(chosen).keys() - same
    say_when(target, lead(chosen), bool(changed))
    if SUBMISSION not in chosen and changed: (target / SUBMISSION).unlink(missing_ok=True)
    for name in sorted(chosen.keys() - same, key=lambda name: name != SUBMISSION):
        os.chmod(chosen[name].kept, 0o644)
        if chosen[name].modified: os.utime(chosen[name].kept, (chosen[name].modified,) * 2)
        os.replace(chosen[name].kept, target / name)
    return "replaced" if books(there) else "new"


def books(files):
    "The notebooks among `files`."
    return {name: file for name, file in files.items() if name != SUBMISSION}


def lead(chosen):
    "The latest of the chosen notebooks, whose time is the submission's."
    return max(books(chosen).values(), key=lambda candidate: candidate.order)


def say_when(target, notebook, changed):
    "Write timestamp.txt, or remove that of an earlier submission."
    if notebook.timestamp:
        written = notebook.kept.with_suffix(".time")
        written.write_text(f"{notebook.timestamp.isoformat(' ')} UTC")
        os.replace(written, target / "timestamp.txt")
    elif changed: (target / "timestamp.txt").unlink(missing_ok=True)


def content(path):
    "The bytes of a file that is there; None for a link, a device, or one too large to be a submission."
    about = os.lstat(path)
    return path.read_bytes() if stat.S_ISREG(about.st_mode) and about.st_size <= MOST_BYTES else None


def newer(target, there, chosen, same):
    """Whether the `chosen` files are newer than those `there`: by the times that both carry, else by when the files
    were last changed."""
    if any(candidate.unclear for candidate in books(chosen).values()):
        raise Refused(f"carries a time that cannot be read, so that it does not replace what is in {target}; remove "
                      "that to take this one")
    at = lead(chosen).timestamp
    written = target / "timestamp.txt"
    before = (time_in_name((content(written) or b"").decode("utf-8", "replace").strip()) if os.path.lexists(written)
              else None)
    if at and before and at != before: return at > before
    decide = books(chosen).keys() - same or {SUBMISSION}
    return any(name not in there or chosen[name].modified > os.lstat(there[name]).st_mtime for name in decide)


def place_one(result, target, student, files):
    "Place the latest of one student's `files` and say in `result` what was done."
    if not books(files):
        result.unmatched += [f"{candidate.name}: came without a notebook of {student}"
                             for candidate in files[SUBMISSION]]
        return
    chosen, left = {}, []
    for name, candidates in books(files).items():
        try: chosen[name], others = newest(candidates)
        except Refused as e:
            result.unmatched += [f"{candidate.name}: {e}" for candidate in candidates]
            return
        left += [f"{c.name}: left for the later {chosen[name].name}" for c in others]
    notebook = lead(chosen)
    try:
        if SUBMISSION in files: chosen[SUBMISSION], _ = newest(files[SUBMISSION], like=notebook)
        result.notes += left
        if any(candidate.unclear for candidate in books(chosen).values()):
            result.notes.append(f"{notebook.name}: carries a time that cannot be read; the submission counts as "
                                "on time")
        done = place(target, chosen)
    except NotNewer as e: result.kept.append(f"{notebook.name}: {e}")
    except Refused as e: result.unmatched.append(f"{notebook.name}: {e}")
    else: result.matched.append(f"{student}: {done}")


def newest_name(files):
    "What the LMS called the latest notebook of a student."
    return max((one for candidates in (books(files) or files).values() for one in candidates),
               key=lambda candidate: candidate.order).name


def remembered_names(course):
    """What earlier downloads said: {blackboard: the beginning of its names, names: {student: what the LMS called the
    file}, of: {assignment: the same}}."""
    found = {}
    with suppress(OSError, ValueError): found = json.loads((Path(course) / MEMORY).read_text(encoding="utf-8"))
    return {"blackboard": "", "names": {}, "of": {}} | (found if isinstance(found, dict) else {})


def files_of(course, assignment=ASSIGNMENT):
    "{student: what the LMS called the student's file} of an assignment."
    said = remembered_names(course)
    return said["of"].get(assignment) or (said["names"] if assignment == ASSIGNMENT else {})


def wanted(directory, assignment):
    "What students of `assignment` hand in, by the course's own source; CollectError where it has none."
    found = {}
    for path in sorted(Path(directory.format_path(directory.source_directory, ".", assignment)).glob("*.ipynb")):
        found[path.stem] = frozenset()
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            trusted = Trusted(json.loads(path.read_text(encoding="utf-8")))
            found[path.stem] = frozenset(trusted.grade_id(i) for i, role in enumerate(trusted.roles)
                                         if role in ("solution", "test", "manual"))
    if not found and assignment != ASSIGNMENT:
        raise CollectError(f"{directory.root}: no notebook in {directory.source_directory}/{assignment}; give the name "
                           "of an assignment of this course with --assignment")
    return Wanted(assignment, found) if found else Wanted()


def known_students(directory, submitted):
    "Students of the gradebook and those who handed in before."
    found = {path.name for path in submitted.iterdir()} if submitted.is_dir() else set()
    with (suppress(sqlite3.Error),
          closing(sqlite3.connect(f"file:{directory.root}/gradebook.db?mode=ro", uri=True)) as db):
        found |= {student for student, in db.execute("SELECT id FROM student")}
    return found


def file_names(config, expected):
    "The collector for a course's names; CollectError where the course's own pattern cannot work."
    quiet = logging.getLogger(__name__)
    quiet.setLevel(logging.CRITICAL)   # nbgrader warns of every pattern that does not match
    names = FileNames(config=config, log=quiet)
    names.wanted = expected
    try: groups = re.compile(names.named_regexp).groupindex
    except re.error as e:
        raise CollectError(f"c.FileNameCollectorPlugin.named_regexp: {e}; mend it in nbgrader_config.py") from None
    if names.named_regexp and not {"student_id", "file_id"} <= groups.keys():
        raise CollectError(f"c.FileNameCollectorPlugin.named_regexp: got the groups {', '.join(groups) or 'none'}, "
                           "expected student_id and file_id")
    return names


def read(download, downloads):
    "Let `download` read the folder or zip `downloads`."
    if downloads.is_dir():
        name = downloads.resolve().name
        download.folder(downloads, (name,) if name.endswith("-submissions") else ())
    elif not zipfile.is_zipfile(downloads):
        raise CollectError(f"{downloads}: is no zip archive; give the folder it was unpacked to")
    else: download.archive(downloads, (), strict=False)
    download.settle()


def place_all(download, directory, submitted):
    "Place what `download` found in `submitted`; returns what became of it."
    result, assignment = download.result, download.wanted.assignment
    there = {lms.one_form(path.name): path.name for path in submitted.iterdir()} if submitted.is_dir() else {}
    for student, files in sorted(download.found.items()):
        folder = directory.format_path(directory.submitted_directory, there.get(student, student), assignment)
        place_one(result, Path(folder), student, files)
    if download.receipts: result.notes.append(f"{download.receipts} receipts and lists of the LMS passed over")
    if late := sorted(name for name in download.late if name in download.found):
        result.notes.append("marked late by the LMS, which gives no time, so that nothing is taken off: "
                            f"{', '.join(late)}")
    return result


def collect(course, downloads, assignment=ASSIGNMENT):
    """Sort the LMS download `downloads`, a folder or a zip, into COURSE/submitted; returns the Collected.

    CollectError when `downloads` is neither, or the disk is full; what was placed before is whole.
    """
    course, downloads = Path(course).resolve(), Path(downloads)
    directory, config = course_directory(course)
    submitted = course / directory.submitted_directory
    if downloads.is_dir() and submitted in (downloads.resolve(), *downloads.resolve().parents):
        raise CollectError(f"{downloads}: lies inside the course's own {directory.submitted_directory}/; give the LMS "
                           "download")
    if not downloads.is_dir() and not downloads.is_file():
        raise CollectError(f"{downloads}: got neither a folder nor a file, expected an LMS download")
    expected = wanted(directory, assignment)
    names, memory = file_names(config, expected), remembered_names(course)
    scratch = Path(tempfile.mkdtemp(prefix=".collect-", dir=course))
    try:
        download = Download(names, scratch, expected, known_students(directory, submitted), memory["blackboard"])
        read(download, downloads)
        result = place_all(download, directory, submitted)
        if said := {student: newest_name(files) for student, files in download.found.items()}:
            of = memory["of"] | {assignment: memory["of"].get(assignment, {}) | said}
            put(course / MEMORY, json.dumps({"blackboard": download.prefix, "names": memory["names"] | said, "of": of},
                                            ensure_ascii=False))
        return result
    except OSError as e:
        target = next((str(name) for name in (e.filename2, e.filename) if name
                       and not str(name).startswith(str(scratch))), course)
        raise CollectError(f"{target}: {e.strerror}; what was placed before is whole: {advice(e, str(e.strerror))} and "
                           "collect again") from e
    finally: shutil.rmtree(scratch, ignore_errors=True)
