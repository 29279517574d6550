"""What learning management systems call the files that students hand in: whose file, how new, late or not.

Threat: a name that can be read in two ways gives one student's work to another. Whatever stays ambiguous is refused
by `collect`.
"""
import re
import unicodedata
from datetime import datetime, timezone

# Canvas: `lastfirst_LATE_12345_67890_name-1.ipynb`, where 12345 is the user and 67890 grows with every upload; names of
# groups hold `_`.
CANVAS = re.compile(r"(?:.*/)?(?P<head>[^/]+\.\w+)")
# Canvas, graded anonymously: `anon_aB3dE_67890_name.ipynb`, `LATE_anon_aB3dE_67890_name.ipynb`.
ANONYMOUS = re.compile(r"(?:.*/)?(?P<late>LATE_)?(?P<student_id>anon_(?!LATE_)[A-Za-z0-9]+)(?:_\d+)??_(?P<upload>\d+)_"
                       r"(?P<file_id>[^/]*[A-Za-z][^/]*\.\w+)")
# Moodle: `Full Name_123456_assignsubmission_file_/name.ipynb`, or with the file name in place of the slash.
MOODLE = re.compile(r"(?:.*/)?(?P<name>[^/]+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file_id>[^/]*)")
# Blackboard: `Assignment_userid_attempt_2026-01-31-23-59-00_name.ipynb`; the time has no zone and is read as UTC. Both
# parts may hold `_`.
BLACKBOARD = re.compile(r"(?:.*/)?(?P<blackboard>[^/]*?)_attempt_(?P<timestamp>[^_/]+)_(?P<file_id>[^/]+\.\w+)")
RECEIPT = re.compile(r"(?:.*/)?[^/]*_attempt_[\d-]+\.txt")
# Brightspace: `12345-67890 - Jane Doe - Jan 31, 2026 1159 PM/name.ipynb`; the first number is the user.
BRIGHTSPACE = re.compile(r"(?:.*/)?(?P<id>\d+)-\d+ ?- ?(?P<name>[^/]+?) ?- ?"
                         r"(?P<timestamp>[A-Za-z]{3,9} \d{1,2}, \d{4} [\d:]+ ?[AP]M)(?: - (?P<file_id>[^/]+))?")
# GitHub Classroom: `capstone-submissions/capstone-octocat/name.ipynb`.
GITHUB = re.compile(r"(?:.*/)?(?P<assignment>[^/]+)-submissions/(?P=assignment)-(?P<student_id>[^/]+)")
# Gradescope: `assignment_1_export/submission_456/name.ipynb`; submission_metadata.yml beside it says whose.
GRADESCOPE = re.compile(r"(?:.*/)?(?P<gradescope>submission_\d+)")
# Google Classroom: `Jane Doe - 20_capstone.ipynb`.
GOOGLE = re.compile(r"(?:.*/)?(?P<student_id>[^/]+?) - (?P<file_id>[^/]+\.\w+)")
IN_ORDER = (MOODLE, BLACKBOARD, BRIGHTSPACE, GITHUB, GRADESCOPE)
TIMES = "%Y-%m-%d-%H-%M-%S", "%b %d, %Y %I%M %p", "%B %d, %Y %I%M %p", "%b %d, %Y %I:%M %p", "%B %d, %Y %I:%M %p"
EXAMPLES = ("Canvas (doejane_123_456_20_capstone.ipynb), Moodle (Jane "
            "Doe_123_assignsubmission_file_/20_capstone.ipynb), Blackboard, Brightspace, "
            "GitHub Classroom, Gradescope or Google Classroom (Jane Doe - 20_capstone.ipynb)")


def one_form(name):
    "`name` with composed letters, so that a name from a Mac is the name from elsewhere."
    return unicodedata.normalize("NFC", name)


def saved_as(name):
    "The name that a notebook had before a browser or a mail program added `.json`, `.txt` or `.bin` to it."
    name = re.sub(r"\.ipynb\.(json|txt|bin|download)$", ".ipynb", name, flags=re.I)
    return re.sub(r"\.bin$", ".ipynb", name, flags=re.I)


def canvas(head, wanted):
    """{name, id, upload, late, file_id} of a Canvas file name; of several readings the one whose file is
    `wanted(file_id)`."""
    words, found = head.split("_"), []
    for at in range(1, len(words) - 2):
        if not (words[at].isdigit() and words[at + 1].isdigit()): continue
        name, file_id = words[:at], "_".join(words[at + 2:])
        if not re.search(r"[A-Za-z][^/]*\.\w+$|[A-Za-z].*\.\w+$", file_id): continue
        late = len(name) > 1 and name[-1].lower() == "late"
        found.append({"name": "_".join(name[:-1] if late else name), "late": late, "id": words[at],
                      "upload": words[at + 1], "file_id": file_id})
    return next((one for one in found if wanted(one["file_id"])), found[0] if found else None)


def reading(path, wanted):
    """What `path`, the leading part of a file's path, says: a dict with file_id and student_id, or name and id, or
    `blackboard` or `gradescope`, which others have to resolve; timestamp, upload, late where the name has them.

    None where no pattern matches."""
    if found := ANONYMOUS.fullmatch(path):
        return {key: value for key, value in found.groupdict().items() if value is not None}
    if (found := CANVAS.fullmatch(path)) and (said := canvas(found["head"], wanted)): return said
    for pattern in IN_ORDER:
        if found := pattern.fullmatch(path):
            return {"file_id": ""} | {key: value for key, value in found.groupdict().items() if value is not None}
    if (found := GOOGLE.fullmatch(path)) and (wanted(found["file_id"]) or path.lower().endswith(".ipynb")):
        return found.groupdict() | {"by_name": True}
    return None


def full_name(path):
    "The name of a person that an LMS wrote into the name of a file, in letters and spaces; empty where it wrote none."
    for pattern in (MOODLE, BRIGHTSPACE):
        for end in range(1, path.count("/") + 2):
            if found := pattern.fullmatch("/".join(path.split("/")[:end])): return one_form(found["name"]).strip()
    found = GOOGLE.fullmatch(path)
    return one_form(found["student_id"]).strip() if found else ""


def time_of(written):
    "The time that a name or a file carries, naive UTC; None where there is none; ValueError where it is no time."
    if not written: return None
    if isinstance(written, datetime):
        return written.astimezone(timezone.utc).replace(tzinfo=None) if written.tzinfo else written
    for form in TIMES:
        try: return datetime.strptime(str(written), form)
        except ValueError: pass
    from nbgrader.utils import parse_utc
    try: found = parse_utc(str(written))
    except (ValueError, OverflowError, TypeError, ArithmeticError, AttributeError): found = None
    if found is None: raise ValueError(f"got {str(written)[:40]!r} as a time")
    return found


def blackboard_prefix(heads, known, before=""):
    """What `heads`, Blackboard's `Assignment_userid` of one download, have before the user id; "" where that can be
    read in two ways.

    Either part may hold `_`. One beginning for all of them keeps two students two. `before`: that of an earlier
    download."""
    if before and all(head.startswith(before) and head != before for head in heads): return before
    start = shared(heads) if len(heads) > 1 else heads[0][:heads[0].rfind("_") + 1]
    options = [start[:at + 1] for at, letter in enumerate(start) if letter == "_"]
    if len(options) < 2: return "".join(options)
    fits = {option: sum(head[len(option):] in known for head in heads) for option in options}
    best = [option for option in options if fits[option] and fits[option] == max(fits.values())]
    if len(heads) > 1: return (best or options)[-1]
    # a longer user id than the one that is known may be another person
    return best[0] if len(best) == 1 and best[0] == options[0] else ""


def shared(heads):
    "The longest beginning, up to a `_`, that all of `heads` have."
    first, last = min(heads), max(heads)
    same = next((i for i, (a, b) in enumerate(zip(first, last)) if a != b), min(len(first), len(last)))
    return first[:first.rfind("_", 0, same) + 1]


def gradescope_students(text):
    "{submission_456: (student, time)} of a submission_metadata.yml; {} where it is none."
    import yaml
    try: found = yaml.safe_load(text)
    except yaml.YAMLError: return {}
    students = {}
    for submission, about in found.items() if isinstance(found, dict) else ():
        people = about.get(":submitters") if isinstance(about, dict) else None
        people = [person for person in people or () if isinstance(person, dict)]
        names = [str(person.get(":sid") or str(person.get(":email") or "").partition("@")[0] or person.get(":name")
                     or "") for person in people]
        if any(names): students[str(submission)] = "_".join(filter(None, names)), about.get(":created_at")
    return students
