"""Recipes: YAML 1.2 as plain data, and every key checked with a useful answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbiwb.config import find_recipe, parse_recipe, read_recipe, recipes
from sbiwb.errors import UsageError
from sbiwb.safe_yaml import read_yaml, write_yaml

MINIMAL = {"problems": {"lcdm": {"simulator": "cosmology.bao"}}, "methods": ["exact+emcee"]}


def test_scalars_follow_yaml_1_2():
    text = "[1e-3, no, on, 010, 0x1F, 1:30, 2024-01-01, -1, .5, 5., 1e3, '12', null, ~, True]"
    assert read_yaml(text, "text") == [
        *(1e-3, "no", "on", 10, 31, "1:30", "2024-01-01", -1, 0.5, 5.0, 1000.0),
        *("12", None, None, True),
    ]


def test_anchors_are_fine():
    assert read_yaml("a: &x {k: 1}\nb: *x", "text") == {"a": {"k": 1}, "b": {"k": 1}}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a: 1\nb: 2\na: 3", "text, line 3; got the key 'a' twice"),
        ("a: !!python/object/apply:os.system [true]", "data without tags"),
        ("a: !include x", "the tag !include"),
        ("a: &a [*a]", "holds itself"),
        ("[" * 5000, "nested too deeply"),
        ("a: [", "text is not YAML"),
        ("", "text is empty"),
        ("a: 1\n---\nb: 2", "single document"),
        ("? [a]\n: 1", "a key that is not text"),
    ],
)
def test_yaml_that_is_refused(text, match):
    with pytest.raises(UsageError, match=match):
        read_yaml(text, "text")


def test_aliases_cannot_explode():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 9)]
    with pytest.raises(UsageError, match="more than 10,000 values"):
        read_yaml("\n".join(lines), "text")


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")))
    | st.sampled_from(["1e-3", "no", "0o17", "null", "~", "true", "1:30", "=", "<<", "- a", "#"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab<1e-", max_size=4), inner)
    ),
    max_leaves=8,
)


@given(plain)
def test_what_is_written_is_read_again(data):
    assert read_yaml(write_yaml([data]), "text") == [data]


def test_minimal_recipe():
    recipe = parse_recipe(MINIMAL)
    assert recipe.methods[0].method == "exact+emcee"
    assert (recipe.seed, recipe.checks.predictive) == (0, 200)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"methods": ["npe", {"method": "npe", "budgett": 3}]},
            "recipe: unknown key methods[1].budgett; expected one of method, budget, rounds, seed, "
            "options, problems; did you mean 'budget'?",
        ),
        (
            {"problmes": {}},
            "recipe: unknown key problmes; expected one of title, seed, executor, workers, "
            "simulators, problems, methods, checks; did you mean 'problems'?",
        ),
        (
            {"problems": {"x": {"simulator": "a", "observe": "b"}}},
            "recipe: unknown key problems.x.observe; expected one of simulator, options, "
            "observation, fixed, repeats; did you mean 'observation'?",
        ),
        ({"checks": {"predictiv": 1}}, "did you mean 'predictive'?"),
        ({"methods": []}, "recipe: methods: expected at least one; got []"),
        ({"methods": ["npe", "npe"]}, "recipe: methods[1] is there twice"),
        ({"methods": [{"budget": 3}]}, "recipe: methods[0].method: is missing"),
        ({"methods": "npe"}, 'recipe: methods: expected a list; got "npe"'),
        ({"problems": {"x": "a"}}, 'recipe: problems.x: expected keys and values; got "a"'),
        (
            {"methods": [{"method": "npe", "budget": True}]},
            "recipe: methods[0].budget: expected a whole number; got true",
        ),
        (
            {"methods": [{"method": "npe", "budget": 0}]},
            "recipe: methods[0].budget: expected a number greater than or equal to 1; got 0",
        ),
        (
            {"problems": {"x": {"simulator": "a", "fixed": {"w0": "a"}}}},
            "recipe: problems.x.fixed.w0:",
        ),
        ({"seed": -1}, "recipe: seed: expected a number greater than or equal to 0; got -1"),
        ({"seed": 2**63}, "recipe: seed: expected a number less than"),
        (
            {"methods": [{"method": "npe", "problems": ["lcmd"]}]},
            "recipe: methods[0] names no problem of this recipe: 'lcmd'; did you mean 'lcdm'?",
        ),
        ({"problems": {"../x": {"simulator": "a"}}}, "the problem's label '../x' may hold"),
        ({"title": {1, 2}}, "recipe holds more than plain values"),
    ],
)
def test_mistakes_are_placed_and_answered(change, message):
    with pytest.raises(UsageError) as error:
        parse_recipe({**MINIMAL, **change})
    assert message in str(error.value)
    assert error.value.exit_code == 2


def test_whole_numbers_may_be_written_as_floats():
    recipe = parse_recipe({**MINIMAL, "methods": [{"method": "npe", "budget": 1e4}]})
    assert recipe.methods[0].budget == 10000
    assert isinstance(recipe.methods[0].budget, int)


def test_file_names_are_taken_from_the_recipe_s_folder(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "simulators: code\n"
        "problems: {a: {simulator: s, observation: seen.csv}}\n"
        "methods: [exact+emcee]\n"
    )
    recipe = read_recipe(path)
    assert recipe.problems["a"].observation == str(tmp_path / "seen.csv")
    assert recipe.simulators == str(tmp_path / "code")
    # … so that the recipe can be written elsewhere and read again.
    copy = tmp_path / "sub" / "copy.yaml"
    copy.parent.mkdir()
    copy.write_text(write_yaml(recipe.model_dump(mode="json")))
    assert read_recipe(copy) == recipe


def test_recipes_are_found_by_name_and_path(tmp_path):
    (tmp_path / "mine.yaml").write_text("{}")
    assert find_recipe(tmp_path / "mine.yaml") == tmp_path / "mine.yaml"
    with pytest.raises(UsageError, match="no such recipe"):
        find_recipe(tmp_path / "other.yaml")
    with pytest.raises(UsageError, match=r"unknown recipe; got 'desi_dr3'.*mean 'desi_dr2'\?"):
        find_recipe("desi_dr3")
    assert find_recipe("desi_dr2").is_file()


@pytest.mark.parametrize("content", [b"- a\n", b"\xff", b"text"])
def test_files_that_are_no_recipes(tmp_path, content):
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(UsageError, match="recipe"):
        read_recipe(tmp_path / "x.yaml")


@pytest.mark.parametrize("name", sorted(recipes()))
def test_every_recipe_of_the_package_is_valid(name):
    recipe = read_recipe(find_recipe(name))
    assert recipe.title
