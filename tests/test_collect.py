"""Sorting LMS downloads: whose file, which attempt, and nothing written that a name or an archive asks for."""
import io
import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

from tinytorch_grader import collect as room, download
from tinytorch_grader.cli import main
from tinytorch_grader.collect import ASSIGNMENT, CollectError, collect

NOTEBOOK = f"{ASSIGNMENT}.ipynb"
CANVAS = "doejane_LATE_12345_67890_20_capstone-1.ipynb"
MOODLE = "Ada Lovelace_123456_assignsubmission_file_"


@pytest.fixture()
def course(tmp_path):
    "What `collect` needs of a course."
    folder = tmp_path / "course"
    (folder / "source" / ASSIGNMENT).mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")
    return folder


def tree(folder, files, mtime=1_700_000_000):
    "Write {name: text}; all with the same time of change."
    for name, words in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(words if isinstance(words, bytes) else words.encode())
        os.utime(path, (mtime, mtime))
    return folder


def archive(files, when=(2026, 3, 1, 10, 0, 0)):
    "A zip of {name or ZipInfo: text}, as bytes."
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as out:
        for name, words in files.items():
            out.writestr(name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name, when), words,
                         zipfile.ZIP_DEFLATED)
    return data.getvalue()


def member(name, mode):
    info = zipfile.ZipInfo(name, (2026, 3, 1, 10, 0, 0))
    info.external_attr = mode << 16
    return info


def submitted(course):
    "{path below submitted/: text}"
    return {path.relative_to(course / "submitted").as_posix(): path.read_text()
            for path in sorted((course / "submitted").rglob("*")) if path.is_file()}


def at(student, name=NOTEBOOK):
    return f"{student}/{ASSIGNMENT}/{name}"


def everything(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if "submitted" not in path.parts}


# ---- names

@pytest.mark.parametrize("name, student", [
    (CANVAS, "doejane_12345"), ("doejane_12345_67890_20_capstone.ipynb", "doejane_12345"),
    ("doejane_12345_67890_20_capstone (2).ipynb", "doejane_12345"),
    ("doejane_12345_67890_20_capstone-1-2.ipynb", "doejane_12345"),
    ("doejane_12345_67890_20+capstone.ipynb", "doejane_12345"),
    (f"{MOODLE}/20_capstone.ipynb", "Ada_Lovelace_123456"), (f"{MOODLE}/sub/20_capstone.ipynb", "Ada_Lovelace_123456"),
    (f"{MOODLE}20_capstone.ipynb", "Ada_Lovelace_123456"),
    ("Zoë O'Hara-Łuć_7_assignsubmission_file_/20_capstone.ipynb", "Zoë_O_Hara-Łuć_7"),
    ("李 明_8_assignsubmission_file_/20_capstone.ipynb", "李_明_8"),
    ("Participant_99_assignsubmission_file_/20_capstone.ipynb", "Participant_99"),
    ("Capstone_jdoe_attempt_2026-01-31-23-59-00_20_capstone.ipynb", "jdoe"), ("some folder/" + CANVAS, "doejane_12345"),
])
def test_names_of_the_common_lms(course, tmp_path, name, student):
    downloads = tree(tmp_path / "downloads", {name: "{}"})
    result = collect(course, downloads)
    assert result.matched == [f"{student}: new"] and not result.unmatched
    assert submitted(course)[at(student)] == "{}"
    zipped = tmp_path / "all.zip"
    zipped.write_bytes(archive({name: "{}"}))
    assert collect(course, zipped).matched == [f"{student}: the same as before"]


@pytest.mark.parametrize("name, why", [
    ("20_capstone.ipynb", "matches no pattern"), ("alice/20_capstone.ipynb", "matches no pattern"),
    ("doejane_12345_67890_homework.ipynb", "another name"),
    ("doejane_12345_67890_report.pdf", "no notebook"), (f"{MOODLE}/work.tar.gz", "not opened"),
    (f"{MOODLE}/broken.zip", "no zip archive"),
    ("capstone_2026_11_24/20_capstone.ipynb", "matches no pattern"), ("x.zip", "no zip archive"),
])
def test_what_does_not_match_is_listed_with_its_reason(course, tmp_path, name, why):
    result = collect(course, tree(tmp_path / "downloads", {name: "{}", CANVAS: "{}"}))
    assert (result.matched == ["doejane_12345: new"]
            and [line for line in result.unmatched if line.startswith(name) and why in line] == result.unmatched != [])


def test_junk_of_file_managers_is_passed_over(course, tmp_path):
    names = ("__MACOSX/._" + CANVAS, ".DS_Store", f"{MOODLE}/.ipynb_checkpoints/20_capstone-checkpoint.ipynb",
             "Thumbs.db")
    result = collect(course, tree(tmp_path / "downloads", dict.fromkeys(names, "x")))
    assert not result.matched and not result.unmatched


def test_the_courses_own_pattern_comes_first(course, tmp_path):
    ((course / "nbgrader_config.py")
     .write_text("c = get_config()\nc.FileNameCollectorPlugin.named_regexp = "
                 "r'.*hw-(?P<student_id>\\w+)-at-(?P<timestamp>[0-9-]+)-(?P<file_id>\\w+)'\n"))
    assert (collect(course, tree(tmp_path / "d", {"hw-k77-at-2026-02-03-04-05-06-20_capstone.ipynb": "{}"})).matched
            == ["k77: new"])
    assert submitted(course) == {at("k77"): "{}", at("k77", "timestamp.txt"): "2026-02-03 04:05:06 UTC"}


@pytest.mark.parametrize("pattern", ["(", "(?P<student_id>x)", "x"])
def test_a_pattern_of_the_course_that_cannot_work_is_one_line(course, tmp_path, pattern):
    ((course / "nbgrader_config.py")
     .write_text(f"c = get_config()\nc.FileNameCollectorPlugin.named_regexp = {pattern!r}\n"))
    with pytest.raises(CollectError, match="named_regexp"): collect(course, tree(tmp_path / "d", {CANVAS: "{}"}))


# ---- what comes with a notebook

def test_submission_json_and_archives_of_students(course, tmp_path):
    both = archive({"my work/20_capstone.ipynb": "N", "my work/submission.json": "S", "my work/notes.txt": "x"})
    result = collect(course, tree(tmp_path / "downloads", {
        "doejane_12345_67891_work.zip": both, "roejim_22_1_20_capstone.ipynb": "n", "roejim_22_2_submission.json": "s",
        f"{MOODLE}/20_capstone.ipynb": "a", f"{MOODLE}/submission.json": "b", "lonely_3_4_submission.json": "s"}))
    assert submitted(course) == {at("doejane_12345"): "N", at("doejane_12345", "submission.json"): "S",
                                 at("roejim_22"): "n", at("roejim_22", "submission.json"): "s",
                                 at("Ada_Lovelace_123456"): "a", at("Ada_Lovelace_123456", "submission.json"): "b"}
    assert (len(result.unmatched) == 2 and "notes.txt: is no notebook" in result.unmatched[0]
            and "without a notebook of lonely_3" in result.unmatched[1])


def test_a_zip_of_the_lms_may_lie_in_the_folder(course, tmp_path):
    lms = archive({f"{MOODLE}/20_capstone.ipynb": "a", f"{MOODLE}/work.zip": archive({"submission.json": "b"})})
    assert (collect(course, tree(tmp_path / "downloads", {"capstone_2026_11_24.zip": lms})).matched
            == ["Ada_Lovelace_123456: new"])
    assert submitted(course)[at("Ada_Lovelace_123456", "submission.json")] == "b"


def test_marked_late_is_said(course, tmp_path):
    result = collect(course, tree(tmp_path / "downloads", {CANVAS: "{}", "roejim_22_1_20_capstone.ipynb": "n"}))
    assert [line for line in result.notes if "late" in line and line.endswith(": doejane_12345")]


# ---- the latest attempt, and nothing lost

def test_the_latest_of_several_attempts_counts(course, tmp_path):
    result = collect(course, tree(tmp_path / "downloads", {
        "doejane_5_99_20_capstone-2.ipynb": "old", "doejane_5_100_20_capstone.ipynb": "new",
        f"{MOODLE}/20_capstone.ipynb": "new", f"{MOODLE}/20_capstone-Copy1.ipynb": "old",
        "roe_7_1_20_capstone-1.ipynb": "new", "roe_7_1_20_capstone.ipynb": "old",
        "X_jd_attempt_2026-01-02-00-00-00_20_capstone.ipynb": "new",
        "X_jd_attempt_2026-01-01-23-00-00_20_capstone.ipynb": "old"}))
    assert submitted(course) == {at("doejane_5"): "new", at("Ada_Lovelace_123456"): "new", at("roe_7"): "new",
                                 at("jd"): "new", at("jd", "timestamp.txt"): "2026-01-02 00:00:00 UTC"}
    assert (sorted(line.split(": left")[0] for line in result.notes)
            == [f"{MOODLE}/20_capstone-Copy1.ipynb", "X_jd_attempt_2026-01-01-23-00-00_20_capstone.ipynb",
                "doejane_5_99_20_capstone-2.ipynb", "roe_7_1_20_capstone.ipynb"])


def test_only_a_newer_file_replaces_what_is_there(course, tmp_path):
    name = f"{MOODLE}/20_capstone.ipynb"
    collect(course, tree(tmp_path / "one", {name: "first", f"{MOODLE}/submission.json": "s"}, 1_700_000_000))
    older = collect(course, tree(tmp_path / "two", {name: "older"}, 1_600_000_000))
    assert not older.matched and not older.unmatched and "not newer" in older.kept[0]
    assert submitted(course)[at("Ada_Lovelace_123456")] == "first"
    assert (collect(course, tree(tmp_path / "three", {name: "later"}, 1_800_000_000)).matched
            == ["Ada_Lovelace_123456: replaced"])
    # the submission.json of the older attempt is gone with it
    assert submitted(course) == {at("Ada_Lovelace_123456"): "later"}


def test_times_in_names_decide_before_times_of_files(course, tmp_path):
    name = "X_jd_attempt_2026-01-{}-00-00-00_20_capstone.ipynb"
    collect(course, tree(tmp_path / "one", {name.format("05"): "fifth"}, 1_600_000_000))
    assert "not newer" in collect(course, tree(tmp_path / "two", {name.format("04"): "fourth"}, 1_900_000_000)).kept[0]
    collect(course, tree(tmp_path / "three", {name.format("06"): "sixth"}, 1_500_000_000))
    assert submitted(course) == {at("jd"): "sixth", at("jd", "timestamp.txt"): "2026-01-06 00:00:00 UTC"}


def test_the_missing_half_of_the_same_submission_is_added(course, tmp_path):
    files = {f"{MOODLE}/20_capstone.ipynb": "n", f"{MOODLE}/submission.json": "s"}
    collect(course, tree(tmp_path / "one", {name: files[name] for name in list(files)[:1]}))
    collect(course, tree(tmp_path / "two", files))
    assert submitted(course)[at("Ada_Lovelace_123456", "submission.json")] == "s"


@pytest.mark.parametrize("fails", [1, 2])
def test_an_error_in_the_middle_loses_nothing_and_the_next_run_finishes(course, tmp_path, monkeypatch, fails):
    one = {f"{MOODLE}/20_capstone.ipynb": "n1", f"{MOODLE}/submission.json": "s1"}
    two = {f"{MOODLE}/20_capstone.ipynb": "n2", f"{MOODLE}/submission.json": "s2"}
    collect(course, tree(tmp_path / "one", one, 1_700_000_000))
    calls, replace = [], os.replace

    def full(*paths):
        calls.append(paths)
        if len(calls) == fails: raise OSError(28, "No space left on device", paths[0], None, paths[1])
        replace(*paths)

    monkeypatch.setattr(room.os, "replace", full)
    with pytest.raises(CollectError, match=f"^{course}/submitted/.*(ipynb|json): No space left on device.*make room"):
        collect(course, tree(tmp_path / "two", two, 1_800_000_000))
    monkeypatch.undo()
    assert submitted(course)[at("Ada_Lovelace_123456")] == "n1" and not list(course.glob(".collect-*"))
    collect(course, tmp_path / "two")
    assert set(submitted(course).values()) == {"n2", "s2"}


# ---- strangers

@pytest.mark.parametrize("name", ["../../../LOOT/20_capstone.ipynb", "/LOOT/20_capstone.ipynb",
                                  "..\\..\\LOOT\\20_capstone.ipynb", "C:/LOOT/20_capstone.ipynb",
                                  "a/../../b/20_capstone.ipynb", "C:\\20_capstone.ipynb"])
def test_no_name_leads_out_of_an_archive(course, tmp_path, name):
    before = everything(tmp_path)
    lms = archive({f"{MOODLE}/work.zip": archive({name: "x"}), f"{MOODLE}/{name}": "y", name: "z", CANVAS: "{}"})
    (tmp_path / "all.zip").write_bytes(lms)
    result = collect(course, tmp_path / "all.zip")
    assert (result.matched == ["doejane_12345: new"] and len(result.unmatched) == 3
            and all("leads out" in line for line in result.unmatched))
    assert (everything(tmp_path) - before == {"all.zip", "course/.capstone_lms"}
            and list(submitted(course)) == [at("doejane_12345")])


def test_links_and_devices_are_refused(course, tmp_path):
    (tmp_path / "secret").write_text("LOOT")
    downloads = tree(tmp_path / "downloads", {CANVAS: "{}", "x_1_2_work.zip": archive(
        {member("20_capstone.ipynb", stat.S_IFLNK | 0o777): "/etc/passwd",
         member("a/20_capstone.ipynb", stat.S_IFIFO | 0o600): ""})})
    (downloads / "a_1_2_20_capstone.ipynb").symlink_to(tmp_path / "secret")
    (downloads / MOODLE).symlink_to(tmp_path)
    os.mkfifo(downloads / "b_1_2_20_capstone.ipynb")
    result = collect(course, downloads)
    assert (result.matched == ["doejane_12345: new"] and len(result.unmatched) == 5
            and all("link or a device" in l or "a link, a device" in l for l in result.unmatched))
    assert "LOOT" not in "".join(submitted(course).values())


def test_a_link_in_submitted_is_not_followed(course, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (course / "submitted").mkdir()
    (course / "submitted" / "doejane_12345").symlink_to(tmp_path / "elsewhere")
    result = collect(course, tree(tmp_path / "d", {CANVAS: "{}"}))
    assert "is a link" in result.unmatched[0] and not list((tmp_path / "elsewhere").iterdir())


def test_bombs_are_cut_short(course, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "ARCHIVE_BYTES", 2**20)
    monkeypatch.setattr(download, "MOST_BYTES", 2**19)
    big = b"\0" * 2**19
    downloads = tree(tmp_path / "downloads", {
        "a_1_1_one.zip": archive({"20_capstone.ipynb": b"\0" * (2**19 + 1)}),
        "b_1_1_many.zip": archive({f"{k}/20_capstone.ipynb": big for k in range(9)}),
        "c_1_1_deep.zip": archive({"in.zip": archive({"20_capstone.ipynb": "x"})}),
        "d_1_1_members.zip": archive(dict.fromkeys(map(str, range(1001)), "")),
        "e_1_1_20_capstone.ipynb": b"\0" * (2**19 + 1), "f_1_1_large.zip": os.urandom(2**20 + 1), CANVAS: "{}"})
    result = collect(course, downloads)
    said = "\n".join(result.unmatched)
    assert [line.split(":")[0] for line in result.matched] == ["b_1", "doejane_12345"]
    for words in ("a_1_1_one.zip/20_capstone.ipynb: has more than", "b_1_1_many.zip: holds more than",
                  "c_1_1_deep.zip/in.zip: is an archive in an archive", "d_1_1_members.zip: has 1001 members",
                  "e_1_1_20_capstone.ipynb: has more than", "f_1_1_large.zip: has more than"): assert words in said
    assert not list(course.glob(".collect-*"))


def test_names_made_to_keep_a_pattern_busy_are_cut_short(course, tmp_path):
    names = [f"{MOODLE}/20_capstone{'1' * 60}x.ipynb", f"{MOODLE}/20_capstone{'(1)' * 80}x.json",
             "a_1_" * 15000 + ".ipynb", "a/" * 30000 + NOTEBOOK]
    (tmp_path / "all.zip").write_bytes(archive(dict.fromkeys(names, "x")))
    result = collect(course, tmp_path / "all.zip")
    assert len(result.unmatched) == 4 and not result.matched and max(map(len, result.unmatched)) < 500


def test_nobody_hands_in_for_another(course, tmp_path):
    "Names inside a student's archive or folder decide nothing."
    victim = "Vic Tim_77_assignsubmission_file_/20_capstone.ipynb"
    evil = archive({victim: "forged", "victim_5_6_20_capstone.ipynb": "forged"})
    result = collect(course, tree(tmp_path / "downloads",
                                  {"evil_1_2_work.zip": evil, f"{MOODLE}/work.zip": evil,
                                   f"Eve_3_assignsubmission_file_/{victim}": "forged", "unknown/work.zip": evil}))
    assert {path.split("/")[0] for path in submitted(course)} == {"evil_1", "Ada_Lovelace_123456", "Eve_3"}
    assert any("unknown/work.zip: matches no pattern" in line for line in result.unmatched)


def test_encrypted_and_damaged_members_are_listed(course, tmp_path):
    locked = bytearray(archive({"20_capstone.ipynb": "x" * 100}))
    for header in (b"PK\x03\x04", b"PK\x01\x02"):
        spot = locked.find(header) + (6 if header[2] == 3 else 8)
        locked[spot] |= 1
    damaged = bytearray(archive({"20_capstone.ipynb": os.urandom(1000)}))
    damaged[200:210] = b"0123456789"
    result = collect(course,
                     tree(tmp_path / "d", {"a_1_1_w.zip": bytes(locked), "b_1_1_w.zip": bytes(damaged), CANVAS: "{}"}))
    assert (result.matched == ["doejane_12345: new"] and "encrypted" in result.unmatched[0]
            and "cannot be read" in result.unmatched[1])


def test_names_become_folders_that_nbgrader_can_use():
    assert download.student_folder("../..") == download.student_folder("") == download.student_folder("///") == ""
    assert download.student_folder(".hidden") == "hidden" and download.student_folder("a/b\nc*d?[e]") == "a_b_c_d_e"
    assert download.student_folder("e\u0301va") == "éva"
    long = download.student_folder("ü" * 300 + "_123456")
    assert long.endswith("_123456") and len(long.encode()) <= 100


def test_two_names_that_would_share_a_folder_are_not_mixed(course, tmp_path):
    result = collect(course, tree(tmp_path / "d", {"A B_1_assignsubmission_file_/20_capstone.ipynb": "x",
                                                   "A_B_1_assignsubmission_file_/20_capstone.ipynb": "y"}))
    assert submitted(course) == {at("A_B_1"): "x"} and "would share the folder" in result.unmatched[0]


# ---- the command

def test_a_thousand_students(course, tmp_path):
    (tmp_path / "all.zip").write_bytes(archive({f"student{k}_{k}_{k}_20_capstone.ipynb": str(k) for k in range(1000)}))
    assert len(collect(course, tmp_path / "all.zip").matched) == 1000 and len(submitted(course)) == 1000


@pytest.mark.parametrize("make, message", [
    (lambda p: None, "neither a folder nor a file"), (lambda p: p.write_text("x"), "no zip archive"),
    (os.mkfifo, "neither a folder nor a file")])
def test_a_download_that_is_none_is_one_line(course, tmp_path, make, message):
    make(tmp_path / "d")
    with pytest.raises(CollectError, match=message): collect(course, tmp_path / "d")


def test_the_course_is_no_download(course):
    (course / "submitted" / "x").mkdir(parents=True)
    with pytest.raises(CollectError, match="lies inside"): collect(course, course / "submitted" / "x")


def test_the_command_lists_what_did_not_match(course, tmp_path, monkeypatch, capsys):
    tree(tmp_path / "d", {CANVAS: "{}", "odd\x1b[31m.ipynb": "{}"})
    monkeypatch.setattr("sys.argv", ["capstone", "collect", str(course), "--from", str(tmp_path / "d")])
    with pytest.raises(SystemExit) as end: main()
    said = capsys.readouterr().out
    assert (end.value.code == 1 and "not matched: odd.ipynb" in said
            and "course/submitted: 1 new, 0 replaced; 1 not matched" in said and "note: marked late" in said)


def said(monkeypatch, capsys, *words):
    "Exit status and stdout of the command."
    monkeypatch.setattr("sys.argv", ["capstone", "collect", *map(str, words)])
    with pytest.raises(SystemExit) as end: main()
    return end.value.code, capsys.readouterr().out


def test_the_command_counts_what_it_did_with_every_download(course, tmp_path, monkeypatch, capsys):
    tree(tmp_path / "a", {CANVAS: "{}", f"{MOODLE}/20_capstone.ipynb": "a"}, 1_700_000_000)
    tree(tmp_path / "b", {CANVAS: "{} ", f"{MOODLE}/20_capstone.ipynb": "older"}, 1_600_000_000)
    tree(tmp_path / "b", {"x_1_2_20_capstone.ipynb": "x", CANVAS: "{}  "}, 1_800_000_000)
    code, out = said(monkeypatch, capsys, course, "--from", tmp_path / "a", "--from", tmp_path / "b")
    assert (code == 0 and out.splitlines()[-1]
            == f"{course}/submitted: 3 new, 1 replaced, 1 older than what is there; 0 not matched")
    assert "left: " in out and "not matched: " not in out
    assert (said(monkeypatch, capsys, course, "--from", tmp_path / "a")[1].splitlines()[-1]
            .endswith("0 new, 0 replaced, 1 older than what is there, 1 the same as before; 0 not matched"))


def test_a_download_without_submissions_says_what_was_expected(course, tmp_path, monkeypatch, capsys):
    tree(tmp_path / "d",
         {"doejane_12345_67890_homework-1.ipynb": "{}", f"{MOODLE}/Mine.IPYNB": "{}", "x_1_2_result.json": "{}"})
    code, out = said(monkeypatch, capsys, course, "--from", tmp_path / "d")
    assert (code == 1 and f"{tmp_path}/d: no submission there; expected" in out
            and "Moodle (Jane Doe_123_assignsubmission_file_/" in out)
    for name in ("doejane_12345_67890_20_capstone.ipynb", " 20_capstone.ipynb", "x_1_2_submission.json"):
        assert f"rename it to {name.strip()} and" in out
    (tmp_path / "e").mkdir()
    assert said(monkeypatch, capsys, course, "--from", tmp_path / "e")[0] == 1


def test_the_plugin_works_in_nbgraders_own_command():
    "`nbgrader zip_collect --collector=tinytorch_grader.collect.FileNames` meets absolute paths."
    found = room.FileNames().collect(f"/srv/course/downloaded/{ASSIGNMENT}/extracted/{CANVAS}")
    assert (found["student_id"], found["file_id"]) == ("doejane_12345", "20_capstone-1.ipynb")
    assert json.dumps(found) and Path(found["file_id"]).suffix == ".ipynb"


NOTEBOOK_OF = ('{"cells": [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "part1-model", '
               '"solution": true}}, "source": ""}]}')


def students(course):
    return {path.name for path in (course / "submitted").iterdir()} if (course / "submitted").is_dir() else set()


@pytest.mark.parametrize("name, student", [
    ("anon_aB3dE_67890_20_capstone.ipynb", "anon_aB3dE"), ("LATE_anon_xYz12_67891_20_capstone.ipynb", "anon_xYz12"),
    ("Project_Group_1_12345_67890_20_capstone.ipynb", "Project_Group_1_12345"),
    ("group7_LATE_12345_67890_20_capstone-2.ipynb", "group7_12345"),
    ("12345-67890 - Jane Doe - Jan 31, 2026 1159 PM/20_capstone.ipynb", "Jane_Doe_12345"),
    ("12345-67890 - Jane Doe - January 31, 2026 11:59 PM - 20_capstone.ipynb", "Jane_Doe_12345"),
    ("Jane Doe - 20_capstone.ipynb", "Jane_Doe"), ("Classroom/Zoë O. - 20_capstone.ipynb", "Zoë_O"),
    ("ml-capstone-submissions/ml-capstone-octo-cat/20_capstone.ipynb", "octo-cat"),
    ("doejane_12345_67890_20_capstone.ipynb.json", "doejane_12345"),
    ("roejim_12346_67891_20_capstone.ipynb.txt", "roejim_12346"),
    ("kim_12347_67892_20_capstone.bin", "kim_12347")])
def test_names_of_more_systems(course, tmp_path, name, student):
    result = collect(course, tree(tmp_path / "d", {name: "x"}))
    assert students(course) == {student} and not result.unmatched, result
    assert (course / "submitted" / student / "20_capstone" / "20_capstone.ipynb").read_text() == "x"
    if "LATE" in name: assert any("marked late by the LMS" in note and student in note for note in result.notes)


def test_the_clone_of_github_classroom(course, tmp_path):
    folder = tree(tmp_path / "capstone-submissions",
                  {"capstone-octocat/20_capstone.ipynb": "x", "capstone-hub-ot/20_capstone.ipynb": "y"})
    assert not collect(course, folder).unmatched and students(course) == {"octocat", "hub-ot"}


def test_gradescopes_list_says_whose_a_submission_is(course, tmp_path):
    people = (":submission_1:\n  :submitters:\n  - :name: Jane Doe\n" "    :sid: '123'\n    :email: jane@example.org\n"
              "  :created_at: 2026-01-31 10:00:00 Z\n" ":submission_2:\n  :submitters:\n  - :name: Jim Roe\n"
              "    :email: jim@example.org\n").replace(":submission", "submission")
    files = {"assignment_9_export/submission_1/20_capstone.ipynb": "x",
             "assignment_9_export/submission_2/20_capstone.ipynb": "y",
             "assignment_9_export/submission_metadata.yml": people}
    assert not collect(course, tree(tmp_path / "d", files)).unmatched and students(course) == {"123", "jim"}
    assert ((course / "submitted" / "123" / "20_capstone" / "timestamp.txt").read_text()
            .startswith("2026-01-31 10:00:00"))


def blackboard(*heads):
    return {f"{head}_attempt_2026-01-31-{9 + n:02}-00-00_20_capstone.ipynb": head for n, head in enumerate(heads)}


def test_blackboard_users_with_underscores_stay_two(course, tmp_path):
    receipt = {"Capstone_doe_attempt_2026-01-31-09-00-00.txt": "Name: Jane Doe"}
    result = collect(course, tree(tmp_path / "d", blackboard("Capstone_doe", "Capstone_j_doe") | receipt))
    assert (not result.unmatched and students(course) == {"doe", "j_doe"}
            and any("1 receipts" in note for note in result.notes))
    collect(course, tree(tmp_path / "e", {"Capstone_j_doe_attempt_2026-02-01-09-00-00_20_capstone.ipynb": "later"}))
    read = lambda student: (course / "submitted" / student / "20_capstone" / "20_capstone.ipynb").read_text()
    assert (read("doe"), read("j_doe")) == ("Capstone_doe", "later")   # the course knows what stands before the user


def test_a_blackboard_name_that_can_be_read_in_two_ways_is_refused(course, tmp_path):
    (course / "submitted" / "doe").mkdir(parents=True)
    refused, = collect(course, tree(tmp_path / "d", blackboard("Capstone_j_doe"))).unmatched
    assert "which part of its name is the user cannot be told" in refused and students(course) == {"doe"}


def test_a_name_from_a_mac_is_the_name_from_elsewhere(course, tmp_path):
    packed = tmp_path / "mac.zip"
    # UTF-8, and no flag that says so
    packed.write_bytes(archive({"ZoQQ_7_assignsubmission_file_/20_capstone.ipynb": "x"})
                       .replace(b"ZoQQ", "Zo\u00eb".encode()))
    apart = tree(tmp_path / "folder", {"Zoe\u0308_7_assignsubmission_file_/20_capstone.ipynb": "x",
                                       "Zo\u00eb_8_assignsubmission_file_/20_capstone.ipynb": "y"})
    for one in (packed, apart): assert not collect(course, one).unmatched
    assert students(course) == {"Zo\u00eb_7", "Zo\u00eb_8"}


def test_a_time_that_cannot_be_read_decides_nothing(course, tmp_path):
    name = "Capstone_jd_attempt_2026-{}_20_capstone.ipynb"
    bad, good = name.format("13-45-09-00-00"), name.format("01-02-00-00-00")
    result = collect(course, tree(tmp_path / "one", {bad: "x"}))
    assert (students(course) == {"jd"} and any(
        "carries a time that cannot be read; the submission counts as on time" in note for note in result.notes))
    assert not (course / "submitted" / "jd" / "20_capstone" / "timestamp.txt").exists()
    refused = collect(course, tree(tmp_path / "two", {bad: "y", good: "z"})).unmatched
    assert len(refused) == 2 and all("nobody can tell which of 2 is the latest" in line for line in refused)
    refused, = collect(course, tree(tmp_path / "three", {bad: "y"})).unmatched
    assert "does not replace" in refused
    assert (course / "submitted" / "jd" / "20_capstone" / "20_capstone.ipynb").read_text() == "x"


def test_an_only_notebook_is_known_by_its_cells(course, tmp_path):
    (course / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").write_text(NOTEBOOK_OF)
    result = collect(course, tree(tmp_path / "d",
                                  {"doe_1_2_My work (final).ipynb": NOTEBOOK_OF, "roe_3_4_other.ipynb": '{"cells": []}',
                                   "kim_5_6_a.ipynb": NOTEBOOK_OF, "kim_5_7_b.ipynb": NOTEBOOK_OF}))
    assert (students(course) == {"doe_1"}
            and any("taken for 20_capstone.ipynb by the cells in it" in note for note in result.notes))
    assert len(result.unmatched) == 3 and all("has another name" in line for line in result.unmatched)


def test_two_of_one_name_are_not_one(course, tmp_path):
    "Google Drive numbers equal names, which may be namesakes."
    result = collect(course, tree(tmp_path / "d",
                                  {"Jane Doe - 20_capstone.ipynb": "x", "Jane Doe - 20_capstone (1).ipynb": "y"}))
    assert len(result.unmatched) == 2 and not students(course)


def test_a_notebook_by_any_name_of_a_browser_or_a_classroom(course, tmp_path):
    ours = json.dumps({"cells": [{"cell_type": "code", "source": "", "metadata":
                                      {"nbgrader": {"grade_id": "part1-model", "solution": True}}}], "metadata": {}})
    tree(course / "source" / ASSIGNMENT, {NOTEBOOK: ours})
    result = collect(course, tree(
        tmp_path / "d", {"doe_1_2_20_capstone.json": "1", "roe_2_3_20_capstone.ipynb.download": "2",
                         "Jim Roe - Kopie von 20_capstone.ipynb": ours, "Ann Lee - other.ipynb": "{}",
                         "Two - One.ipynb": ours, "Two - Two.ipynb": ours, "Copy of 20_capstone.ipynb": ours}))
    assert submitted(course) == {at("doe_1"): "1", at("roe_2"): "2", at("Jim_Roe"): ours}
    assert (len(result.unmatched) == 4
            and sum("has another name" in line for line in result.unmatched) == 3), result.unmatched


@pytest.mark.parametrize("name", [f"submitted/{ASSIGNMENT}/jane/{NOTEBOOK}", f"jane/{ASSIGNMENT}/{NOTEBOOK}"])
def test_folders_as_nbgrader_keeps_them_are_explained(course, tmp_path, name):
    line, = collect(course, tree(tmp_path / "d", {name: "{}"})).unmatched
    assert f"copy it to submitted/STUDENT/{ASSIGNMENT}/ of the course" in line


def test_a_guess_about_blackboards_names_is_said(course, tmp_path):
    files = {f"Capstone_{who}_attempt_2026-01-31-09-00-00_{NOTEBOOK}": who for who in ("a_x", "a_y")}
    result = collect(course, tree(tmp_path / "d", files))
    assert (result.matched == ["x: new", "y: new"]
            and any("'Capstone_a_'; what follows was taken for the user name (x, y)" in note for note in result.notes))
    other = tmp_path / "other"
    (other / "source" / ASSIGNMENT).mkdir(parents=True)
    for who in ("a_x", "a_y"): (other / "submitted" / who).mkdir(parents=True)
    known = collect(other, tmp_path / "d")
    assert known.matched == ["a_x: new", "a_y: new"] and not known.notes


# ---- any assignment

def test_the_notebooks_of_another_assignment(course, tmp_path):
    """Several notebooks, by their names or the cells in them; each student's latest of each,
    and what is not theirs is listed."""
    code = lambda name: json.dumps(
        {"cells": [{"cell_type": "code", "source": "",
                    "metadata": {"nbgrader": {"grade_id": f"{name}-answer", "solution": True}}}], "metadata": {}})
    tree(course / "source" / "ps1", {"problem 1.ipynb": code("one"), "extra_2.ipynb": code("two")})
    result = collect(course, tree(tmp_path / "downloads", {
        "doejane_5_90_problem+1.ipynb": "old", "doejane_5_91_problem_1-1.ipynb": "new",
        "doejane_5_92_extra_2.ipynb": "2", "doejane_5_93_submission.json": "{}",
        f"{MOODLE}/homework.ipynb": code("two"), f"{MOODLE}/Problem 1.ipynb": "1", f"{MOODLE}/20_capstone.ipynb": "no",
        "PS1_jdoe_attempt_2026-01-31-23-59-00_extra_2.ipynb": "late",
        "PS1_jdoe_attempt_2026-01-31-23-58-00_problem_1.ipynb": "early"}), "ps1")
    ps1 = lambda student, name: f"{student}/ps1/{name}"
    assert submitted(course) == {
        ps1("doejane_5", "problem 1.ipynb"): "new", ps1("doejane_5", "extra_2.ipynb"): "2",
        ps1("Ada_Lovelace_123456", "problem 1.ipynb"): "1",
        ps1("Ada_Lovelace_123456", "extra_2.ipynb"): code("two"), ps1("jdoe", "extra_2.ipynb"): "late",
        ps1("jdoe", "problem 1.ipynb"): "early",
        ps1("jdoe", "timestamp.txt"): "2026-01-31 23:59:00 UTC"}
    assert (len(result.unmatched) == 2
            and any("submission.json: is no notebook" in line for line in result.unmatched)), result.unmatched
    assert any("20_capstone.ipynb: has none of the assignment's cells" in line for line in result.unmatched)
    assert (collect(course, tmp_path / "downloads", "ps1").matched
            == [f"{s}: the same as before" for s in ("Ada_Lovelace_123456", "doejane_5", "jdoe")])
    assert (room.files_of(course, "ps1")["doejane_5"] == "doejane_5_92_extra_2.ipynb"
            and room.files_of(course) == room.remembered_names(course)["names"])
    with pytest.raises(CollectError, match="no notebook in source/ps2"): collect(course, tmp_path / "downloads", "ps2")
