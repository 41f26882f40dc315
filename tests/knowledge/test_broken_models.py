"""What check_model says about a folder that is not sound: every fault, with its file, row and column."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import bayesdx as dx
from tests.knowledge.example import FOLDER, append, copy_draft, drop, edit, without_column

Break = Callable[[Path], object]


class Broken(NamedTuple):
    """How a folder is broken, the fault that has to be reported, and how many others follow from it."""

    name: str
    damage: Break
    file: str
    row: int | None
    column: str | None
    found: str
    expected: str
    others: int = 0


def change(file: str, old: str, new: str) -> Break:
    return lambda folder: edit(folder, file, old, new)


def more(file: str, *lines: str) -> Break:
    return lambda folder: append(folder, file, *lines)


def less(file: str, start: str) -> Break:
    return lambda folder: drop(folder, file, start)


def raw(file: str, content: bytes) -> Break:
    return lambda folder: (folder / file).write_bytes(content)


def recode(file: str, encoding: str, old: str = "", new: str = "") -> Break:
    def damage(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_bytes(text.replace(old, new).encode(encoding))

    return damage


def column(file: str, name: str) -> Break:
    return lambda folder: without_column(folder, file, name)


def absent(file: str) -> Break:
    return lambda folder: (folder / file).unlink()


def several(*damages: Break) -> Break:
    return lambda folder: [damage(folder) for damage in damages]


def renamed(old: str, new: str) -> Break:
    return lambda folder: (folder / old).rename(folder / new)


def linked(file: str) -> Break:
    """The file becomes a link to a file of the same content outside of the folder."""

    def damage(folder: Path) -> None:
        (folder / file).rename(folder.parent / file)
        (folder / file).symlink_to(folder.parent / file)

    return damage


def piped(file: str) -> Break:
    def damage(folder: Path) -> None:
        (folder / file).unlink()
        os.mkfifo(folder / file)

    return damage


def directory(file: str) -> Break:
    def damage(folder: Path) -> None:
        (folder / file).unlink()
        (folder / file).mkdir()

    return damage


CAUSE = "radio_broken,Radio broken,cause,,absent|present,,,,,"
FINDING = "radio_silent,Silent radio,history,,no|yes,,,,,"
NUMBERS = "0.1,0.05,0.2,FLEET,dataset,"

BROKEN = (
    # variables, states, names
    Broken("a variable twice", more("variables.csv", "clicking,Clicks,test,,no|yes,,,,,"),
           "variables.csv", 17, "variable", "clicking", "each once; row 14 has it already"),
    Broken("a variable twice, but for case", change("variables.csv", "key_lamp,Key lamp", "Clicking,Key lamp"),
           "variables.csv", 14, "variable", "clicking", "differs from Clicking of row 13 in more than case", 3),
    Broken("a name with a space", change("variables.csv", "clicking,Clicking", "the click,Clicking"),
           "variables.csv", 14, "variable", "the click", "a name of letters, digits and underscores", 5),
    Broken("a name with a look-alike letter", change("links.csv", "starter_broken,present,clicking",
                                                     "starter_brоken,present,clicking"),
           "links.csv", 25, "parent", "starter_brоken", "a name of letters, digits and underscores"),
    Broken("an unknown kind", change("variables.csv", "Clicking,examination", "Clicking,examinaton"),
           "variables.csv", 14, "kind", "examinaton", "(nearest: 'examination')"),
    Broken("no cause at all", lambda folder: (folder / "variables.csv").write_text(
        (folder / "variables.csv").read_text().replace(",cause,", ",context,")),
           "variables.csv", None, "kind", "no cause", "at least one variable of kind cause", 13),
    Broken("a state twice", change("variables.csv", "normal|slow|silent", "normal|slow|slow"),
           "variables.csv", 10, "states", "normal|slow|slow", "two or more states separated by |"),
    Broken("a state twice, but for case", change("variables.csv", "normal|slow|silent", "normal|Slow|slow"),
           "variables.csv", 10, "states", "normal|Slow|slow", "different in more than case"),
    Broken("one state only", change("variables.csv", "clicking,Clicking,examination,,absent|present",
                                    "clicking,Clicking,examination,,present"),
           "variables.csv", 14, "states", "present", "two or more states"),
    Broken("a state with an invisible space", change("variables.csv", "full|empty", "full|em\u200bpty"),
           "variables.csv", 15, "states", "em\u200bpty", "two or more states"),
    Broken("a group called as a variable", lambda folder: (folder / "variables.csv").write_text(
        (folder / "variables.csv").read_text().replace(",lights,", ",clicking,")),
           "variables.csv", 11, "group", "clicking", "a name that no variable has"),
    Broken("an empty label", change("variables.csv", "clicking,Clicking", "clicking,"),
           "variables.csv", 14, "label", "", "text, not an empty cell"),
    Broken("a label of blanks", change("variables.csv", "clicking,Clicking", "clicking,  "),
           "variables.csv", 14, "label", "  ", "text, not an empty cell"),
    Broken("a control character", change("variables.csv", "clicking,Clicking", "clicking,Click\x1b[2J"),
           "variables.csv", 14, "label", "Click\x1b[2J", "text without control characters"),
    Broken("text that turns its direction", change("tests.csv", "Voltmeter at", "Volt\u202emeter at"),
           "tests.csv", 3, "label", "Volt\u202emeter", "text without control characters"),
    Broken("a huge cell", change("variables.csv", "clicking,Clicking", "clicking," + "x" * 100_001),
           "variables.csv", 14, "label", "xxx", "at most 100000 characters"),
    Broken("a cell larger than the reader takes", change("cases.csv", "A winter morning", "A winter " + "x" * 200_000),
           "cases.csv", 4, None, "field larger than field limit", "a row of comma-separated values"),
    # references
    Broken("an unknown child", change("links.csv", "starter_broken,present,clicking", "starter_broken,present,cliking"),
           "links.csv", 25, "child", "cliking", "a variable of variables.csv (nearest: 'clicking')"),
    Broken("an unknown parent",
           change("links.csv", "starter_broken,present,clicking", "starter_brokn,present,clicking"),
           "links.csv", 25, "parent", "starter_brokn", "(nearest: 'starter_broken')"),
    Broken("an unknown state of the child", change("links.csv", "starter_broken,present,cranking,silent",
                                                   "starter_broken,present,cranking,silence"),
           "links.csv", 13, "child_state", "silence", "a state of cranking: normal, slow, silent (nearest: 'silent')"),
    Broken("an unknown state of the parent", change("links.csv", "starter_broken,present,clicking",
                                                    "starter_broken,presents,clicking"),
           "links.csv", 25, "parent_state", "presents", "a state of starter_broken: absent, present"),
    Broken("a link twice", more("links.csv", "starter_broken,present,clicking,present,0.5,0.3,0.7,HANDBOOK,recalled,"),
           "links.csv", 31, "child_state", "starter_broken, present, clicking, present",
           "each once; row 25 has it already"),
    Broken("an unknown source", change("links.csv", "clicking,present,0.5,0.3,0.7,HANDBOOK",
                                       "clicking,present,0.5,0.3,0.7,HANDBOK"),
           "links.csv", 25, "source", "HANDBOK", "a source of sources.csv (nearest: 'HANDBOOK')"),
    Broken("a source twice", more("sources.csv", "GUESS,Another guess,,,,,,expert"),
           "sources.csv", 5, "source", "GUESS", "each once; row 3 has it already"),
    Broken("an unknown status", change("links.csv", "clicking,present,0.5,0.3,0.7,HANDBOOK,recalled",
                                       "clicking,present,0.5,0.3,0.7,HANDBOOK,known"),
           "links.csv", 25, "status", "known", "one of verified, recalled, expert, synthesis, dataset"),
    Broken("an unknown population", change("priors.csv", "town,starter_broken", "twon,starter_broken"),
           "priors.csv", 7, "population", "twon", "a population of model.toml (nearest: 'town')", 1),
    Broken("a prior of an unknown variable", more("priors.csv", f"town,radio,yes,{NUMBERS}"),
           "priors.csv", 20, "variable", "radio", "a variable of variables.csv"),
    Broken("a prior of a finding", more("priors.csv", f"town,clicking,present,{NUMBERS}"),
           "priors.csv", 20, "variable", "clicking", "a variable of kind context or cause, not examination"),
    Broken("a prior twice", more("priors.csv", f"town,cold_night,yes,{NUMBERS}"),
           "priors.csv", 20, "state", "town, cold_night, yes", "each once; row 5 has it already"),
    Broken("a cause without prior in one population", less("priors.csv", "country,starter_broken"),
           "variables.csv", 6, "variable", "starter_broken", "a prior in priors.csv for population country"),
    Broken("a test of an unknown variable", change("tests.csv", "voltage_test,5.5", "voltage_tst,5.5"),
           "tests.csv", 3, "variables", "voltage_tst", "(nearest: 'voltage_test')"),
    Broken("a test twice", more("tests.csv", "voltmeter,Again,voltage_test,1,1,0,0,GUESS,expert,"),
           "tests.csv", 4, "test", "voltmeter", "each once; row 3 has it already"),
    Broken("a red flag with an unknown state",
           change("red_flags.csv", "voltage_test=low|None", "voltage_test=low|none"),
           "red_flags.csv", 2, "findings", "voltage_test=none", "a state of voltage_test: normal, low, None"),
    Broken("a red flag with an unknown variable", change("red_flags.csv", "cold_night=yes", "cold_nihgt=yes"),
           "red_flags.csv", 3, "findings", "cold_nihgt", "(nearest: 'cold_night')"),
    Broken("a red flag on a cause", change("red_flags.csv", "cold_night=yes", "starter_broken=present"),
           "red_flags.csv", 3, "findings", "starter_broken", "findings and contexts"),
    Broken("a red flag without a sign of equality", change("red_flags.csv", "cold_night=yes", "cold_night"),
           "red_flags.csv", 3, "findings", "cold_night;fuel_gauge=empty", "conditions as variable=state"),
    Broken("management of an unknown cause", change("management.csv", "fuel_missing,1", "fuel_mising,1"),
           "management.csv", 4, "cause", "fuel_mising", "(nearest: 'fuel_missing')"),
    Broken("management of a finding", change("management.csv", "fuel_missing,1", "clicking,1"),
           "management.csv", 4, "cause", "clicking", "a cause, or a state of a mechanism, not examination"),
    Broken("an unknown source of a threshold", change("management.csv", "0.4,GUESS", "0.4,GUES"),
           "management.csv", 4, "threshold_source", "GUES", "(nearest: 'GUESS')"),
    Broken("accuracy for an unknown cause", change("accuracy.csv", "clicking,present,starter_broken",
                                                   "clicking,present,starter"),
           "accuracy.csv", 3, "cause", "starter", "a variable of variables.csv"),
    Broken("an unknown measure", change("accuracy.csv", "sensitivity,summer", "sensitvity,summer"),
           "accuracy.csv", 2, "measure", "sensitvity", "(nearest: 'sensitivity')"),
    Broken("a case in an unknown population",
           change("cases.csv", "A winter morning,country", "A winter morning,county"),
           "cases.csv", 4, "population", "county", "(nearest: 'country')"),
    Broken("a case with an unknown finding", change("cases.csv", "headlight_dim=present", "headlight=present"),
           "cases.csv", 4, "findings", "headlight", "(nearest: 'headlight_dim')"),
    Broken("a case of an unknown cause", change("cases.csv", ",battery_flat,cause", ",battery,cause"),
           "cases.csv", 4, "causes", "battery", "(nearest: 'battery_flat')"),
    Broken("a case that expects an unknown flag", change("cases.csv", "flag no_power", "flag no_powr"),
           "cases.csv", 4, "expect", "flag no_powr does not fire", "a flag of red_flags.csv (nearest: 'no_power')"),
    Broken("an expectation of no known form", change("cases.csv", "cause in top 1", "cause is first"),
           "cases.csv", 4, "expect", "cause is first", "an expectation of the form"),
    Broken("a figure for an unknown state", change("accuracy.csv", "cranking,silent,", "cranking,silent|mute,"),
           "accuracy.csv", 2, "state", "mute", "a state of cranking: normal, slow, silent"),
    Broken("a figure for an unknown population", change("accuracy.csv", ",town,", ",tawn,"),
           "accuracy.csv", 2, "population", "tawn", "(nearest: 'town')"),
    # numbers
    Broken("a probability above 1", change("links.csv", "clicking,present,0.5,", "clicking,present,1.2,"),
           "links.csv", 25, "link_probability", "1.2", "a probability between 0 and 1"),
    Broken("a negative probability", change("priors.csv", "town,starter_broken,present,0.05",
                                            "town,starter_broken,present,-0.05"),
           "priors.csv", 7, "probability", "-0.05", "a probability between 0 and 1"),
    Broken("a probability outside of its interval",
           change("links.csv", "clicking,present,0.5,", "clicking,present,0.8,"),
           "links.csv", 25, "link_probability", "0.8", "a value within its own interval, 0.3 to 0.7"),
    Broken("a lower end above the upper one", change("links.csv", "clicking,present,0.5,0.3,0.7",
                                                     "clicking,present,0.5,0.7,0.3"),
           "links.csv", 25, "lower", "0.7", "at most its upper end, 0.3"),
    Broken("NaN", change("links.csv", "clicking,present,0.5,", "clicking,present,NaN,"),
           "links.csv", 25, "link_probability", "NaN", "a probability between 0 and 1"),
    Broken("infinity", change("accuracy.csv", "all ages\",6.5,2,20", "all ages\",6.5,2,inf"),
           "accuracy.csv", 3, "upper", "inf", "a number of at least 0"),
    Broken("a number too large for a computer", change("accuracy.csv", "all ages\",6.5,2,20", "all ages\",6.5,2,1e999"),
           "accuracy.csv", 3, "upper", "1e999", "a number of at least 0"),
    Broken("an empty probability", change("links.csv", "clicking,present,0.5,", "clicking,present,,"),
           "links.csv", 25, "link_probability", "", "a probability between 0 and 1, not an empty cell"),
    Broken("a word for a probability", change("links.csv", "clicking,present,0.5,", "clicking,present,often,"),
           "links.csv", 25, "link_probability", "often", "a probability between 0 and 1"),
    Broken("digits of another script", change("links.csv", "clicking,present,0.5,", "clicking,present,٠.٥,"),
           "links.csv", 25, "link_probability", "٠.٥", "a probability between 0 and 1"),
    Broken("a decimal comma", change("links.csv", "clicking,present,0.5,", 'clicking,present,"0,5",'),
           "links.csv", 25, "link_probability", "0,5", "a probability between 0 and 1 with a decimal point"),
    Broken("a slip of the exponent", change("links.csv", "clicking,present,0.5,", "clicking,present,5e-324,"),
           "links.csv", 25, "link_probability", "5e-324", "a probability between 0 and 1, 0 or at least 1e-100"),
    Broken("per cent", change("links.csv", "clicking,present,0.5,", "clicking,present,50%,"),
           "links.csv", 25, "link_probability", "50%", "a probability between 0 and 1"),
    Broken("half a patient", change("sources.csv", "register,1200", "register,1200.5"),
           "sources.csv", 2, "n", "1200.5", "a whole number of at least 0"),
    # distributions
    Broken("a distribution that does not sum to 1",
           change("priors.csv", "town,car_age,old,0.2,", "town,car_age,old,0.25,"),
           "priors.csv", 4, "probability", "1.05", "a sum of 1 over the states"),
    Broken("a distribution with a state left out", less("priors.csv", "town,car_age,old"),
           "priors.csv", 2, "state", "new, middle", "rows for old as well, or none for new"),
    Broken("a distribution that exceeds 1", change("priors.csv", "town,fuel_missing,tank empty,0.08,0.05,0.12",
                                                   "town,fuel_missing,tank empty,0.97,0.05,1"),
           "priors.csv", 9, "probability", "1.01", "a sum of at most 1, the rest being absent"),
    Broken("links that exceed 1", change("links.csv", "starter_broken,present,cranking,slow,0.1,",
                                         "starter_broken,present,cranking,slow,0.2,"),
           "links.csv", 13, "link_probability", "1.05", "a sum of at most 1 over the child states"),
    Broken("a table that does not sum to 1", change("tables.csv", "dashboard_dark=absent,full,0.98",
                                                    "dashboard_dark=absent,full,0.97"),
           "tables.csv", 9, "probability", "0.99", "a sum of 1 over the states"),
    Broken("a table with a row left out",
           less("tables.csv", ",fuel_gauge,fuel_missing=tank empty;dashboard_dark=present"),
           "tables.csv", 8, "parents", "fuel_gauge",
           "a row for fuel_missing=tank empty;dashboard_dark=present as well"),
    Broken("a table for one population only", less("tables.csv", "country,"),
           "tables.csv", 2, "population", "town", "rows for every population"),
    Broken("a table with its parents in another order",
           change("tables.csv", "fuel_missing=tank empty;dashboard_dark=absent",
                  "dashboard_dark=absent;fuel_missing=tank empty"),
           "tables.csv", 13, "parents", "dashboard_dark=absent;fuel_missing=tank empty",
           "the parents fuel_missing, dashboard_dark, in this order", 1),
    Broken("a table with two states of a parent at once", change("tables.csv", "town,alternator_broken,car_age=new,",
                                                                 "town,alternator_broken,car_age=new|old,"),
           "tables.csv", 2, "parents", "car_age=new|old", "one state of each parent"),
    Broken("a table and a prior", more("priors.csv", f"town,alternator_broken,present,{NUMBERS}"),
           "priors.csv", 20, "variable", "alternator_broken", "no prior, since tables.csv has the variable"),
    Broken("a table and a link", more("links.csv", f"clicking,present,fuel_gauge,empty,{NUMBERS}"),
           "links.csv", 31, "child", "fuel_gauge", "no link, since tables.csv has the variable"),
    # what the network needs
    Broken("a cycle of links", more("links.csv", f"battery_flat,present,starter_broken,present,{NUMBERS}",
                                    f"starter_broken,present,battery_flat,present,{NUMBERS}"),
           "links.csv", 32, "parent", "starter_broken", "links that form no cycle"),
    Broken("a cycle through a table", more("links.csv", f"fuel_gauge,empty,dashboard_dark,present,{NUMBERS}"),
           "tables.csv", 14, "parents", "fuel_gauge", "links that form no cycle"),
    Broken("a variable that acts on itself", more("links.csv", f"clicking,present,clicking,present,{NUMBERS}"),
           "links.csv", 31, "parent", "clicking", "another variable than the child"),
    Broken("a state that nothing brings about", change("variables.csv", "full|empty", "full|half|empty"),
           "variables.csv", 15, "states", "fuel_gauge=half", "brings half about", 1),
    Broken("a state below what the leak always brings about",
           several(change("links.csv", ",,cranking,silent,0.005,0.001,0.02", ",,cranking,silent,1,1,1"),
                   less("links.csv", ",,cranking,slow")),
           "variables.csv", 10, "states", "cranking=normal", "brings normal about", 1),
    Broken("a finding without a leak", less("links.csv", ",,clicking,"),
           "variables.csv", 14, "variable", "clicking", "its leak in links.csv (a row with an empty parent)"),
    Broken("a leak of a cause among the links", more("links.csv", f",,starter_broken,present,{NUMBERS}"),
           "links.csv", 31, "child", "starter_broken", "the leak of a cause stands in priors.csv"),
    Broken("a link to the reference state", change("links.csv", "starter_broken,present,clicking,present",
                                                   "starter_broken,present,clicking,absent"),
           "links.csv", 25, "child_state", "absent", "a state other than the reference state absent"),
    Broken("a parent that always acts", more("links.csv", f"starter_broken,absent,clicking,present,{NUMBERS}"),
           "links.csv", 31, "parent_state", "absent", "at least one state of starter_broken that brings nothing about"),
    Broken("a state without parent", change("links.csv", ",,clicking,present", ",present,clicking,present"),
           "links.csv", 24, "parent_state", "present", "an empty cell, since the parent is empty"),
    Broken("a parent without state", change("links.csv", "starter_broken,present,clicking", "starter_broken,,clicking"),
           "links.csv", 25, "parent_state", "", "a state of the parent"),
    # files
    Broken("Latin-1", recode("variables.csv", "latin-1", "Clicking", "Klicken wie früher"),
           "variables.csv", 14, None, "byte 0xfc", "text in UTF-8"),
    Broken("UTF-16", recode("variables.csv", "utf-16"),
           "variables.csv", 1, None, "UTF-16", "text in UTF-8"),
    Broken("UTF-16 without a mark", recode("variables.csv", "utf-16-le"),
           "variables.csv", 1, None, "a NUL character", "text in UTF-8"),
    Broken("NUL", change("links.csv", "starter_broken,present,clicking", "starter_broken,pre\0sent,clicking"),
           "links.csv", 25, None, "a NUL character", "text in UTF-8"),
    Broken("line ends of an old Macintosh", recode("links.csv", "utf-8", "\n", "\r"),
           "links.csv", 1, None, "a carriage return alone", "lines that end with a line feed"),
    Broken("an unclosed quote", more("variables.csv", '"radio,Radio,cause'),
           "variables.csv", 17, None, "unexpected end of data", "quotes closed"),
    Broken("a quote within a cell", more("variables.csv", '"radio"s,Radio,cause'),
           "variables.csv", 17, None, "'\"'", "quotes closed"),
    Broken("a row too short", more("links.csv", "clicking,present"),
           "links.csv", 31, None, "2 cells", "10 cells, as the header has"),
    Broken("a row too long", change("links.csv", "clicking,present,0.5,0.3,0.7,HANDBOOK,recalled,",
                                    "clicking,present,0.5,0.3,0.7,HANDBOOK,recalled,,"),
           "links.csv", 25, None, "11 cells", "10 cells, as the header has"),
    Broken("a row of commas", more("links.csv", ",,,,,,,,,"),
           "links.csv", 31, None, "an empty row", "a row with values, or no row"),
    Broken("semicolons for commas", recode("sources.csv", "utf-8", ",", ";"),
           "sources.csv", 1, "citation", "no such column", "a column citation", 8),
    Broken("a column left out", column("links.csv", "note"),
           "links.csv", 1, "note", "no such column", "a column note"),
    Broken("a column too many", change("sources.csv", "n,status\n", "n,status,mood\n"),
           "sources.csv", 1, "mood", "mood", "a column of the model format", 3),
    Broken("a column twice", change("tests.csv", "risk,source", "risk,risk"),
           "tests.csv", 1, "risk", "a column twice", "the column risk once", 3),
    Broken("a misspelt column", change("links.csv", "link_probability", "link_probabilty"),
           "links.csv", 1, "link_probabilty", "link_probabilty", "(nearest: 'link_probability')", 1),
    Broken("a misspelt file", renamed("red_flags.csv", "redflags.csv"),
           "redflags.csv", None, None, "an unknown file", "(nearest: 'red_flags.csv')", 1),
    Broken("a file that no computer can show", renamed("red_flags.csv", "red\x1b[31m.csv"),
           "red\x1b[31m.csv", None, None, "an unknown file", "a file of the model format", 1),
    Broken("a file left out", absent("sources.csv"),
           "sources.csv", None, None, "no such file", "a file sources.csv in 1.0.0"),
    Broken("an empty file", raw("priors.csv", b""),
           "priors.csv", 1, None, "an empty file", "the columns population, variable, state"),
    Broken("a header only",
           raw("variables.csv", b"variable,label,kind,group,states,definition,icd10,icd11,snomed_ct,loinc\n"),
           "variables.csv", 1, None, "a header only", "a row for each variable"),
    Broken("a folder for a file", directory("cases.csv"),
           "cases.csv", None, None, "no ordinary file", "an ordinary file cases.csv within 1.0.0"),
    Broken("a pipe for a file", piped("cases.csv"),
           "cases.csv", None, None, "no ordinary file", "an ordinary file cases.csv within 1.0.0"),
    Broken("a link that leaves the folder", linked("cases.csv"),
           "cases.csv", None, None, "a link that leaves the folder", "an ordinary file cases.csv within 1.0.0"),
    Broken("a control character in prose", more("CHANGES.md", "", "Red: \x1b[31m"),
           "CHANGES.md", 5, None, "\x1b", "text without control characters"),
    # model.toml and release.toml
    Broken("no model.toml", absent("model.toml"),
           "model.toml", None, None, "no such file", "a file model.toml in 1.0.0"),
    Broken("broken TOML", change("model.toml", 'name = "car_start"', 'name = "car_start'),
           "model.toml", None, None, "(at line 2", "a file in TOML 1.0"),
    Broken("a number of thousands of digits", more("model.toml", "number = " + "1" * 5000),
           "model.toml", None, None, "4300", "a file in TOML 1.0"),
    Broken("a hexadecimal number of thousands of digits",
           change("model.toml", "format = 1", "format = 0x" + "f" * 9000),
           "model.toml", None, "format", "a huge number", "1 or 2, the formats that this version reads"),
    Broken("deep nesting", change("model.toml", "format = 1", "format = " + "[" * 5000 + "]" * 5000),
           "model.toml", None, None, "recursion", "a file in TOML 1.0"),
    Broken("a table nested by dots", change("model.toml", "format = 1", "format" + ".a" * 300 + " = 1"),
           "model.toml", None, "format", "a table", "1 or 2, the formats that this version reads"),
    Broken("a table nested by thousands of dots", change("model.toml", "format = 1", "format" + ".a" * 9000 + " = 1"),
           "model.toml", None, None, "a line with more than 300 full stops", "a file in TOML 1.0"),
    Broken("another format", change("model.toml", "format = 1", "format = 3"),
           "model.toml", None, "format", "3", "1 or 2, the formats that this version reads"),
    Broken("a truth for a format", change("model.toml", "format = 1", "format = true"),
           "model.toml", None, "format", "True", "1 or 2, the formats that this version reads"),
    Broken("a version that is none", change("model.toml", 'version = "1.0.0"', 'version = "1.0"'),
           "model.toml", None, "version", "1.0", "a semantic version such as 1.0.0"),
    Broken("another version than the folder", change("model.toml", 'version = "1.0.0"', 'version = "1.1.0"'),
           "model.toml", None, "version", "1.1.0", "1.0.0, as the folder is called"),
    Broken("no title", less("model.toml", "title = \"The car"),
           "model.toml", None, "title", "no value", "a text"),
    Broken("a number for a title", change("model.toml", 'title = "The car that does not start"', "title = 7"),
           "model.toml", None, "title", "7", "a text"),
    Broken("a misspelt key", change("model.toml", "licence =", "license ="),
           "model.toml", None, "license", "license", "(nearest: 'licence')", 1),
    Broken("an unknown default population", change("model.toml", 'default_population = "town"',
                                                   'default_population = "tawn"'),
           "model.toml", None, "default_population", "tawn", "one of its populations (nearest: 'town')"),
    Broken("a parent without its hash", more("model.toml", "[parent]", 'version = "0.9.0"'),
           "model.toml", None, "parent", "a table", "a table with version and hash"),
    Broken("a parent with a short hash", more("model.toml", "[parent]", 'version = "0.9.0"', 'hash = "sha256:12"'),
           "model.toml", None, "parent.hash", "sha256:12", "a content hash, sha256: and 64 digits"),
    Broken("a day of release that is none",
           raw("release.toml", b'hash = "sha256:' + b"0" * 64 + b'"\ndate = "31.1.2026"\n'),
           "release.toml", None, "date", "31.1.2026", "a date in quotes such as '2026-01-31'"),
)  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_broken_model_is_reported_where_it_is_broken(broken: Broken, tmp_path: Path) -> None:
    """One fault gives one problem, with file, row, column, what was found and what was expected."""
    folder = copy_draft(tmp_path)
    broken.damage(folder)
    problems = dx.check_model(folder)
    place = (broken.file, broken.row, broken.column)
    here = [p for p in problems if p[:3] == place and broken.found in p.found and broken.expected in p.expected]
    assert len(here) == 1, "\n".join(map(str, problems))
    assert len(problems) == 1 + broken.others, "\n".join(map(str, problems))
    with pytest.raises(dx.ModelError) as raised:
        dx.load_model(folder)
    assert raised.value.problems == tuple(problems)
    assert str(here[0]).isprintable()


def test_the_example_is_sound(tmp_path: Path) -> None:
    """A sound folder has no problem, released or not."""
    assert dx.check_model(FOLDER) == []
    assert dx.check_model(copy_draft(tmp_path)) == []


def test_a_changed_released_version_is_reported(tmp_path: Path) -> None:
    """A released version whose content no longer matches its recorded hash is no version any more."""
    folder = tmp_path / "1.0.0"
    shutil.copytree(FOLDER, folder)
    released = dx.load_model(folder).hash
    edit(folder, "links.csv", "clicking,present,0.5,", "clicking,present,0.51,")
    (problem,) = dx.check_model(folder)
    assert problem[:4] == ("release.toml", None, "hash", released)
    assert problem.expected.endswith("the hash of the content: a released version never changes, save a new version")


def test_the_sentence_of_a_problem() -> None:
    """A problem reads: file, row, column: what was found; what was expected."""
    problem = dx.types.Problem("links.csv", 14, "link_probability", "1.2", "a probability between 0 and 1")
    assert str(problem) == "links.csv, row 14, column link_probability: '1.2'; expected a probability between 0 and 1."


def test_all_faults_are_reported_at_once_in_the_order_of_the_files(tmp_path: Path) -> None:
    """Nobody has to mend one fault to see the next."""
    folder = copy_draft(tmp_path)
    edit(folder, "links.csv", "clicking,present,0.5,", "clicking,present,1.2,")
    edit(folder, "links.csv", "starter_broken,present,cranking,slow", "starter_broken,present,kranking,slow")
    edit(folder, "variables.csv", "Clicking,examination", "Clicking,exam")
    edit(folder, "model.toml", "format = 1", "format = 3")
    edit(folder, "management.csv", "battery_flat,2,routine", "battery_flat,2,soon")
    (folder / "tests.csv").write_bytes(b"\xff\xfe")
    assert [(p.file, p.row, p.column) for p in dx.check_model(folder)] == [
        ("model.toml", None, "format"),
        ("variables.csv", 14, "kind"),
        ("links.csv", 12, "child"),
        ("links.csv", 25, "link_probability"),
        ("tests.csv", 1, None),
        ("management.csv", 3, "urgency"),
    ]


def test_rows_are_lines_of_the_file(tmp_path: Path) -> None:
    """Empty lines and line ends within cells count, as in an editor."""
    folder = copy_draft(tmp_path)
    edit(folder, "links.csv", "cause to cause\n", '"cause\nto\ncause"\n\n')
    edit(folder, "links.csv", "clicking,present,0.5,", "clicking,present,2,")
    assert [(p.row, p.column) for p in dx.check_model(folder)] == [(28, "link_probability")]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(newline: str, mark: str, tmp_path: Path) -> None:
    """Files that a spreadsheet has saved give the same model with the same hash."""
    folder = copy_draft(tmp_path)
    for path in folder.iterdir():
        path.write_bytes((mark + path.read_text(encoding="utf-8").replace("\n", newline)).encode())
    assert dx.check_model(folder) == []
    assert dx.load_model(folder).hash == dx.load_model(FOLDER).hash


def test_thousands_of_rows_are_read(tmp_path: Path) -> None:
    """Size alone is no fault; problems in a large file are found in their rows."""
    folder = copy_draft(tmp_path)
    findings = [f"f{number},Finding {number},history,,absent|present,,,,," for number in range(3000)]
    append(folder, "variables.csv", *findings)
    append(folder, "links.csv", *(f",,f{number},present,{NUMBERS}" for number in range(3000)))
    append(folder, "links.csv", *(f"battery_flat,present,f{number},present,{NUMBERS}" for number in range(3000)))
    assert dx.check_model(folder) == []
    assert len(dx.load_model(folder).variables) == 3015
    append(folder, "links.csv", f"battery_flat,present,f2999,present,{NUMBERS}")
    assert [(p.file, p.row) for p in dx.check_model(folder)] == [("links.csv", 6031)]


def test_a_flood_of_faults_ends(tmp_path: Path) -> None:
    """After 1000 faults of a file the rest is counted as one."""
    folder = copy_draft(tmp_path)
    append(folder, "cases.csv", *(["x"] * 5000))
    problems = dx.check_model(folder)
    assert len(problems) == 1001
    assert problems[0] == ("cases.csv", None, None, "more than 1000 faults", "fewer; the others are not listed")


@pytest.mark.parametrize("name", ["nowhere", "a\0b", "x" * 5000, "\ud800", ""])
def test_a_folder_that_cannot_be_listed_is_one_problem(name: str, tmp_path: Path) -> None:
    """Whatever the path, check_model returns."""
    problems = dx.check_model(tmp_path / "no" / name if name else tmp_path / "no" / "such")
    assert [p.expected for p in problems] == ["a folder with a model.toml"]
    assert str(problems[0]).isprintable()


def test_a_file_is_no_folder() -> None:
    """The path of a file of the folder is not the folder."""
    (problem,) = dx.check_model(FOLDER / "model.toml")
    assert str(problem) == "model.toml: 'Not a directory'; expected a folder with a model.toml."


def test_a_table_of_more_cells_than_any_number_written_out(tmp_path: Path) -> None:
    """The number of combinations of 2,300 parents of 100 states has 4,601 digits; it is told in three."""
    folder = copy_draft(tmp_path)
    states = "|".join(f"s{state}" for state in range(100))
    append(folder, "variables.csv", *(f"x{number},x,history,,{states},,,,," for number in range(2300)))
    append(folder, "variables.csv", "wide,Wide,history,,absent|present,,,,,")
    parents = ";".join(f"x{number}=s0" for number in range(2300))
    append(folder, "tables.csv", f",wide,{parents},present,{NUMBERS}")
    found = [problem for problem in dx.check_model(folder) if problem.found.endswith("combinations")]
    assert [(problem.found, problem.expected) for problem in found] == [("1.00e+4600 combinations", "at most 100000")]


def test_a_version_is_of_numbers_that_can_be_counted(tmp_path: Path) -> None:
    """One of thousands of digits is a fault, not a version after which none can come."""
    folder = copy_draft(tmp_path)
    edit(folder, "model.toml", 'version = "1.0.0"', f'version = "1.0.{"9" * 5000}"')
    (problem,) = dx.check_model(folder)
    assert (problem.column, problem.expected) == ("version", "a semantic version such as 1.0.0")
