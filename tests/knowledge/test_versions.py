"""Names, versions, paths, populations: what load_model finds, and what it says where it finds nothing."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import bayesdx as dx
from bayesdx.knowledge import versions
from tests.knowledge.example import FOLDER, append, copy_draft, edit


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped models: car_start 1.9.0, 1.10.0 and 1.2.0, and another one, which has a fault."""
    root = tmp_path / "shipped"
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        copy_draft(root, version)
    shutil.copytree(root / "car_start" / "1.2.0", root / "bicycle" / "1.2.0")
    append(root / "bicycle" / "1.2.0", "tests.csv", "x")
    (root / "car_start" / "2.0").mkdir()
    (root / "car_start" / ".3.0.0.abc.saving").mkdir()
    (root / "car_start" / "README.md").touch()
    (root / "empty").mkdir()
    (root / ".git").mkdir()
    monkeypatch.setattr(versions, "models_folder", lambda: root)
    return root


def test_a_name_stands_for_the_newest_version(shipped: Path) -> None:
    """Versions are compared as numbers: 1.10.0 is newer than 1.9.0."""
    assert dx.load_model("car_start").version == "1.10.0"


def test_a_draft_does_not_take_the_place_of_a_released_version(shipped: Path) -> None:
    """Once a version is released, a name or a model's folder stands for the newest released one."""
    folder = shipped / "car_start"
    released = dx.release_model(dx.load_model(folder / "1.9.0"), date(2026, 1, 31))
    shutil.rmtree(folder / "1.9.0")
    dx.save_model(released, folder / "1.9.0")
    assert dx.load_model("car_start").version == "1.9.0"
    assert dx.load_model(folder).version == "1.9.0"
    assert dx.load_model("car_start@1.10.0").version == "1.10.0"


@pytest.mark.parametrize("version", ["1.2.0", "1.9.0", "1.10.0"])
def test_a_name_with_a_version_stands_for_that_version(version: str, shipped: Path) -> None:
    assert dx.load_model(f"car_start@{version}").version == version


def test_a_path_stands_for_a_version_or_for_the_newest_of_a_model(shipped: Path) -> None:
    """As a string or a path, of one version or of a model."""
    folder = shipped / "car_start"
    assert dx.load_model(folder / "1.9.0").version == "1.9.0"
    assert dx.load_model(str(folder / "1.9.0")).version == "1.9.0"
    assert dx.load_model(folder).version == "1.10.0"


def test_a_shipped_name_goes_before_a_folder_of_that_name(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that happens to lie about does not take the place of a shipped model; its path does."""
    shutil.copytree(FOLDER, tmp_path / "work" / "car_start" / "1.0.0")
    monkeypatch.chdir(tmp_path / "work")
    assert dx.load_model("car_start").version == "1.10.0"
    assert dx.load_model("./car_start").version == "1.0.0"
    assert dx.load_model(Path("car_start")).version == "1.0.0"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("car_strat", "'car_strat' is neither a shipped model nor a folder. Did you mean 'car_start'?"),
        ("car_strat@1.9.0",
         "'car_strat@1.9.0' is neither a shipped model nor a folder. Did you mean 'car_start@1.9.0'?"),
        ("car_strat@9.9.0", "'car_strat@9.9.0' is neither a shipped model nor a folder. Did you mean 'car_start'?"),
        ("car_start/1.9.0",
         "'car_start/1.9.0' is neither a shipped model nor a folder. Did you mean 'car_start@1.9.0'?"),
        ("zebra", "'zebra' is neither a shipped model nor a folder. Shipped models: bicycle, car_start, empty."),
        ("car_start@3.0.0", "car_start has no version '3.0.0'; its versions are 1.10.0, 1.9.0, 1.2.0."),
        ("car_start@", "car_start has no version ''; its versions are 1.10.0, 1.9.0, 1.2.0."),
        ("car_start@../bicycle/1.2.0",
         "car_start has no version '../bicycle/1.2.0'; its versions are 1.10.0, 1.9.0, 1.2.0."),
        ("empty", "empty has no version yet."),
        ("a\0b", r"'a\x00b' is no model: a name has no NUL character."),
        ("\x1b[2J", r"'\x1b[2J' is neither a shipped model nor a folder. Shipped models: bicycle, car_start, empty."),
        ("\ud800", r"'\ud800' is neither a shipped model nor a folder. Shipped models: bicycle, car_start, empty."),
        ("x" * 300, f"'{'x' * 80}…' cannot be opened: File name too long."),
    ],
    ids=lambda value: ascii(value)[:30],
)  # fmt: skip
def test_what_is_said_of_a_name_that_nothing_answers_to(name: str, sentence: str, shipped: Path) -> None:
    """Where, what, what instead; nothing of it can upset a terminal."""
    with pytest.raises(dx.ModelNotFoundError) as raised:
        dx.load_model(name)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("knee_pan/0.1.0", "'knee_pan/0.1.0' is neither a shipped model nor a folder. Did you mean 'knee_pain/0.1.0'?"),
        ("knee_pan", "'knee_pan' is neither a shipped model nor a folder. Did you mean 'knee_pain'?"),
        ("../work/kne_pain", "'../work/kne_pain' is neither a shipped model nor a folder. Did you mean "
         "'../work/knee_pain'?"),
        ("knee_pain@0.1.0", "'knee_pain@0.1.0' is neither a shipped model nor a folder. Did you mean "
         "'knee_pain/0.1.0'?"),
        ("knee_pain/0.1.1", "knee_pain has no version '0.1.1'; its versions are 0.1.0."),
        ("knee_pain/one", "knee_pain has no version 'one'; its versions are 0.1.0."),
        ("car_strat", "'car_strat' is neither a shipped model nor a folder. Did you mean 'car_start'?"),
        ("table.csv", "'table.csv' is a file; a model, which comes first, is a shipped name or a folder."),
    ],
)  # fmt: skip
def test_what_is_said_of_a_path_where_no_model_is(
    path: str, sentence: str, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder that the path almost names, or its versions; a table in the place of the model is called a file."""
    shutil.copytree(FOLDER, tmp_path / "work" / "knee_pain" / "0.1.0")
    (tmp_path / "work" / "knee_panel").mkdir()
    (tmp_path / "work" / "table.csv").write_text("onset\nsudden\n")
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(dx.ModelNotFoundError) as raised:
        dx.load_model(path)
    assert str(raised.value) == sentence


def test_a_network_in_the_place_of_a_model_is_answered_with_what_makes_a_model_of_it() -> None:
    """For what ``to_pgmpy`` gave, as for a network of bayesdx."""
    model = dx.load_model(FOLDER)
    for network in (dx.to_pgmpy(model), dx.as_network(model)):
        with pytest.raises(dx.ModelNotFoundError) as raised:
            dx.diagnose(network, {})  # type: ignore[arg-type]
        assert str(raised.value) == (
            f"a {type(network).__name__} is no model; give a name, as 'chest_clinic', or a folder; model_from_network "
            "makes one of a network."
        )


def test_what_is_no_path_is_an_error_of_bayesdx(tmp_path: Path) -> None:
    """Wherever a file or a folder is expected."""
    model = dx.load_model(FOLDER)
    case = dx.diagnose(model, {})
    for ask in (
        lambda: dx.check_model(5),  # type: ignore[arg-type]
        lambda: dx.list_models(5),  # type: ignore[arg-type]
        lambda: dx.save_model(model, 5),  # type: ignore[arg-type]
        lambda: dx.read_network(5),  # type: ignore[arg-type]
        lambda: dx.write_network(model, 5),  # type: ignore[arg-type]
        lambda: dx.read_cohort(model, pd.DataFrame({"clicking": ["present"]}), 5),
        lambda: case.to_html(5),  # type: ignore[arg-type]
        lambda: dx.draw_network(model).save(5),  # type: ignore[arg-type]
    ):
        with pytest.raises(dx.BayesdxError, match=r": 5; expected the path of a file or a folder\."):
            ask()


def test_a_working_directory_that_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies there cannot be read or written, which is said as of any other place; shipped models are at hand."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    [problem] = dx.check_model(".")
    assert str(problem) == ".: 'No such file or directory'; expected a folder with a model.toml."
    with pytest.raises(dx.ModelNotFoundError):
        dx.load_model("knee_pain")
    model = dx.load_model(FOLDER)
    for write in (
        lambda: dx.save_model(model, "1.0.0"),
        lambda: dx.score_cohort(model, pd.DataFrame({"clicking": ["present"]}), "scores.csv"),
    ):
        with pytest.raises(dx.BayesdxError, match="No such file or directory; nothing was written"):
            write()


def test_a_folder_without_versions_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(dx.ModelNotFoundError) as raised:
        dx.load_model(tmp_path)
    assert str(raised.value) == f"{tmp_path} is a folder without model.toml and without versions such as 1.0.0."


def test_a_faulty_folder_is_not_loaded(tmp_path: Path) -> None:
    """The error shows where and what, and holds every problem."""
    folder = copy_draft(tmp_path)
    edit(folder, "links.csv", "clicking,present,0.5,", "clicking,present,1.2,")
    with pytest.raises(dx.ModelError) as raised:
        dx.load_model(folder)
    assert str(raised.value) == (
        f"{folder} is not a sound model: 1 fault.\n"
        "  links.csv, row 25, column link_probability: '1.2'; expected a probability between 0 and 1."
    )
    assert raised.value.problems == tuple(dx.check_model(folder))


def test_what_changed_on_the_disk_is_seen(tmp_path: Path) -> None:
    """Whatever was found there before: a byte, even one that leaves size and time of the file as they were; a fault."""
    folder = copy_draft(tmp_path)
    first = dx.load_model(folder)
    assert dx.load_model(folder) == first
    path = folder / "NOTES.md"
    path.write_bytes(b"One")
    stamp = path.stat()
    one = dx.load_model(folder)
    path.write_bytes(b"Two")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    two = dx.load_model(folder)
    assert (one.notes, two.notes) == ("One", "Two") and len({first.hash, one.hash, two.hash}) == 3
    (folder / "priors.csv").rename(folder / "prior.csv")
    assert {problem.file for problem in dx.check_model(folder)} == {"priors.csv", "prior.csv"}
    (folder / "prior.csv").rename(folder / "priors.csv")
    assert dx.check_model(folder) == []


def test_a_list_of_faults_belongs_to_who_asked(tmp_path: Path) -> None:
    """What one caller does with it changes nothing for the next."""
    folder = copy_draft(tmp_path)
    (folder / "priors.csv").unlink()
    problems = dx.check_model(folder)
    again = list(problems)
    problems.clear()
    assert dx.check_model(folder) == again != []


def test_a_population_is_chosen_by_name() -> None:
    """The default one where none is named; the content and its hash are the same."""
    town, country = dx.load_model(FOLDER), dx.load_model(FOLDER, population="country")
    assert (town.population, country.population) == ("town", "country")
    assert town.hash == country.hash
    assert town != country
    assert country == town.with_population("country")
    assert dx.load_model(FOLDER, population="town") == town


def test_an_unknown_population_is_reported_with_the_nearest() -> None:
    with pytest.raises(dx.ModelError) as raised:
        dx.load_model(FOLDER, population="contry")
    assert str(raised.value) == (
        "population 'contry' is not one of car_start 1.0.0; its populations are town (Breakdown service in a town), "
        "country (Breakdown service in the country). Did you mean 'country'?"
    )


@pytest.mark.parametrize(
    "name", ["country", "Country", " COUNTRY", "Breakdown service in the country", "breakdown-service in the country"]
)
def test_a_population_answers_to_its_name_and_its_title_in_any_spelling(name: str) -> None:
    assert dx.load_model(FOLDER, population=name).population == "country"


def test_a_part_of_a_title_is_a_hint_and_never_a_choice() -> None:
    """A wrong setting costs more than a question."""
    with pytest.raises(dx.ModelError, match="Did you mean 'town'"):
        dx.load_model(FOLDER, population="in a town")
    with pytest.raises(dx.ModelError, match=r"in the country\)\.$"):
        dx.load_model(FOLDER, population="breakdown service")


@pytest.mark.parametrize("given", [None, 5, ["chest_clinic"], {}, 1.5, object()])
def test_what_is_no_model_is_refused_in_one_sentence(given: object) -> None:
    for ask in (dx.load_model, dx.diagnose, dx.find_variables, dx.check_evidence):
        with pytest.raises(dx.ModelNotFoundError, match=f"^a {type(given).__name__} is no model; give a name"):
            ask(given)


def test_questions_take_the_name_of_a_model() -> None:
    """As ``load_model`` takes it."""
    model = dx.load_model("chest_clinic@1.0.0")
    assert dx.diagnose("chest_clinic@1.0.0", {"smoking": "yes"}).posterior.equals(
        dx.diagnose(model, {"smoking": "yes"}).posterior
    )
    assert len(dx.find_variables("chest_clinic@1.0.0", None).matches) == len(model.variables)
    assert dx.simulate_cohort("chest_clinic@1.0.0", 2).equals(dx.simulate_cohort(model, 2))
    with pytest.raises(dx.FindingsError, match="words = 5; expected text"):
        dx.find_variables(model, 5)


@pytest.mark.parametrize("given", [None, "chest_clinic", 5])
@pytest.mark.parametrize(
    "ask", [dx.explain, dx.next_tests, dx.credible_intervals, dx.sensitivity_analysis, dx.narrative, dx.posterior_path]
)
def test_a_question_about_a_case_needs_a_case(ask: Callable[[object], object], given: object) -> None:
    with pytest.raises(dx.FindingsError, match=r"^expected a case, as dx.diagnose\(model, findings\) gives it, not "):
        ask(given)


def test_models_are_listed_by_name_and_newest_first(shipped: Path) -> None:
    """One row per version, sound or not."""
    table = dx.list_models()
    assert list(zip(table["name"], table["version"], table["sound"], strict=True)) == [
        ("bicycle", "1.2.0", False),
        ("car_start", "1.10.0", True),
        ("car_start", "1.9.0", True),
        ("car_start", "1.2.0", True),
    ]
    assert dx.list_models(shipped).equals(table)


def test_a_listed_version_is_described() -> None:
    """Title, populations with the default first, sizes, the day of release and the hash."""
    (row,) = dx.list_models(FOLDER.parents[1]).query("name == 'car_start'").to_dict("records")
    model = dx.load_model(FOLDER)
    assert row == {
        "name": "car_start",
        "version": "1.0.0",
        "title": "The car that does not start",
        "populations": "town, country",
        "variables": 15,
        "causes": 5,
        "released": "2026-01-31",
        "hash": model.hash.removeprefix("sha256:")[:12],
        "sound": True,
    }


def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(dx.ModelNotFoundError) as raised:
        dx.list_models(tmp_path / "nowhere")
    assert str(raised.value) == f"'{tmp_path / 'nowhere'}' cannot be listed: No such file or directory."


def test_rows_as_a_table() -> None:
    """Every file of a model as a DataFrame with the columns of the format."""
    model = dx.load_model(FOLDER)
    frame = model.frame("links")
    parent, child = ["parent", "parent_state"], ["child", "child_state"]
    number = ["link_probability", "lower", "upper", "source", "status", "note"]
    assert list(frame) == [*parent, *child, *number, "information", "shares"]
    assert frame.equals(model.frame("links.csv"))
    assert frame.loc[1, ["parent", "child", "link_probability"]].tolist() == ["alternator_broken", "battery_flat", 0.9]
    with pytest.raises(
        dx.ModelError, match=r"^'lynx' is no file of a model folder; the files are variables\.csv, groups"
    ):
        model.frame("lynx")


def test_what_a_model_knows_of_its_variables() -> None:
    """Causes, findings, groups, labels, and how its numbers are known."""
    model = dx.load_model(FOLDER)
    assert model.causes == ("alternator_broken", "battery_flat", "starter_broken", "fuel_missing", "immobiliser_fault")
    assert model.findings[:2] == ("cranking", "headlight_dim")
    assert model.groups == {"lights": ("headlight_dim", "dashboard_dark", "key_lamp")}
    assert model.label("clicking") == "Clicking"
    assert model.by_name["voltage_test"].states == ("normal", "low", "None")
    assert model.by_name["low_voltage"].reference == "good"
    assert model.count_statuses() == {"dataset": 23, "verified": 21, "expert": 13, "recalled": 3}


def child(folder: Path, parent: dx.Model) -> Path:
    """A draft made from a version of the example, saved as its 7.0.0."""
    info = replace(parent.info, version="7.0.0", parent_version=parent.version, parent_hash=parent.hash)
    return dx.save_model(replace(parent, info=info, release=None), folder / "car_start" / "7.0.0")


def test_a_parent_is_found_beside_its_child_or_among_the_shipped(shipped: Path, tmp_path: Path) -> None:
    """By version and content; a model has no folder, so that only shipped parents are found for it."""
    parent = dx.load_model("car_start@1.9.0")
    sentence = f"7.0.0 was made from 1.9.0 ({parent.hash[:19]}), which is at hand."
    elsewhere = child(tmp_path / "mine", parent)
    assert dx.lineage(elsewhere) == dx.lineage(dx.load_model(elsewhere)) == sentence
    shutil.copytree(shipped / "car_start" / "1.9.0", elsewhere.parent / "1.9.0")
    shutil.rmtree(shipped / "car_start" / "1.9.0")
    assert dx.lineage(elsewhere) == sentence
    assert "is not at hand" in dx.lineage(dx.load_model(elsewhere))


def test_a_parent_that_is_absent_is_no_fault(shipped: Path, tmp_path: Path) -> None:
    """The version stays sound, and the hash of its parent is said."""
    parent = dx.load_model("car_start@1.9.0")
    shutil.rmtree(shipped / "car_start" / "1.9.0")
    folder = child(tmp_path / "mine", parent)
    assert dx.check_model(folder) == []
    said = f"7.0.0 was made from 1.9.0 ({parent.hash[:19]}), which is not at hand; that is no fault, its hash stays."
    assert dx.lineage(folder) == said
    assert dx.lineage("car_start@1.2.0") == "1.2.0 was made from no other version."


def test_another_content_under_the_number_of_the_parent_is_said(shipped: Path, tmp_path: Path) -> None:
    """The number alone does not make it the parent."""
    parent = dx.load_model("car_start@1.9.0")
    folder = child(tmp_path / "mine", parent)
    edit(shipped / "car_start" / "1.9.0", "priors.csv", "0.08,0.05,0.12", "0.01,0,0.12")
    other = dx.load_model("car_start@1.9.0").hash[:19]
    made = f"7.0.0 was made from 1.9.0 ({parent.hash[:19]})"
    assert dx.lineage(folder) == f"{made}; the 1.9.0 at hand has another content ({other})."
    append(shipped / "car_start" / "1.9.0", "tests.csv", "x")
    assert dx.lineage(folder) == f"{made}; the 1.9.0 at hand has faults."


def test_what_a_model_holds_cannot_be_changed_by_who_loaded_it() -> None:
    """A folder is read once for all who load it: its mappings are read-only, and a copy has its own."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    for held in (model.by_name, model.groups, model.vocabulary.variables, model.vocabulary.shared):
        with pytest.raises(TypeError, match="does not support item assignment"):
            held["fever"] = ()  # type: ignore[index]
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert copied == model and copied.by_name == model.by_name and copied.groups == model.groups
