"""Holds the engine to the table in docs/house.md, and to the habits beneath it."""

import ast
import functools
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src/sluice"
MODULES = sorted(PACKAGE.rglob("*.py"))
DIRECTORIES = ("prompts", "datasets", "evals", "models")
KNOWS_DIRECTORIES = {"catalog", "scaffold"}
HEAVY = {
    "torch", "transformers", "tokenizers", "safetensors", "deepeval", "mlflow", "pyarrow", "sacrebleu",
    "rouge_score", "nltk",
}  # fmt: skip
MAY_LOAD_HEAVY = {
    "providers/local.py", "assertions/deepeval.py", "assertions/references.py", "interchange/mlflow.py",
    "interchange/parquet.py", "training",
}  # fmt: skip
MAY_LOAD_LATE = {"runner/connect.py"}
VAGUE = re.compile(r"util|helper|^common$|^misc$|^manager$|^core$")
MAX_LINES = 350
MAX_MEDIAN_FUNCTION = 12


@dataclass(frozen=True)
class Import:
    """One import statement's target, and whether it stands inside a function."""

    module: str
    line: int
    lazy: bool


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def walk(node: ast.AST, lazy: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Yield each node below `node` with whether it is inside a function."""
    for child in ast.iter_child_nodes(node):
        yield child, lazy
        yield from walk(child, lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))


@functools.cache
def imports(path: Path) -> list[Import]:
    """Every import of a module; `from package import module` counts as the module where there is one."""
    found = []
    for node, lazy in walk(parse(path)):
        if isinstance(node, ast.Import):
            found += [Import(name.name, node.lineno, lazy) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            found += [Import(_target(node.module or "", name.name), node.lineno, lazy) for name in node.names]
    return found


@functools.cache
def _target(module: str, name: str) -> str:
    place = ROOT / "src" / Path(*module.split("."))
    is_module = (place / f"{name}.py").is_file() or (place / name / "__init__.py").is_file()
    return f"{module}.{name}" if is_module else module


def room_of(path: Path) -> str:
    """The first word below the package: a directory or a module."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def room_imported(module: str) -> str | None:
    """The room that a dotted name leads to; None for other packages and for the package itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "sluice" and len(parts) > 1 else None


def levels() -> dict[str, int]:
    """Room -> level, read from the table that people read."""
    text = (ROOT / "docs/house.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ((?:`\w+` ?)+)\|", text, re.MULTILINE)
    return {room: int(level) for level, rooms in rows for room in re.findall(r"\w+", rooms)}


LEVELS = levels()
HOUSED = [path for path in MODULES if path.parent != PACKAGE or path.stem != "__init__"]


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_every_room_has_a_level() -> None:
    assert set(map(room_of, HOUSED)) <= set(LEVELS)
    assert len(LEVELS) >= 20, "the table could not be read"


def test_imports_go_downward() -> None:
    wrong = [
        f"{name(path)}:{one.line} (level {LEVELS[room_of(path)]}) imports {one.module} (level {LEVELS[there]})"
        for path in HOUSED
        for one in imports(path)
        if (there := room_imported(one.module)) and there != room_of(path) and LEVELS[there] >= LEVELS[room_of(path)]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_cycles_between_modules() -> None:
    """Rooms cannot form one (they go downward), so this is about the modules inside a room; lazy imports count."""
    dotted = {path: "sluice." + name(path).removesuffix(".py").replace("/", ".") for path in MODULES}
    graph = {
        dotted[path].removesuffix(".__init__"): {one.module for one in imports(path) if one.module.startswith("sluice")}
        for path in MODULES
    }
    done: set[str] = set()
    for start in graph:
        _visit(start, graph, [], done)


def _visit(module: str, graph: dict[str, set[str]], path: list[str], done: set[str]) -> None:
    assert module not in path, "a cycle: " + " -> ".join([*path[path.index(module) :], module])
    if module in done or module not in graph:
        return
    for target in sorted(graph[module] - {module}):
        _visit(target, graph, [*path, module], done)
    done.add(module)


def test_own_imports_stand_at_the_top() -> None:
    """`cli` imports a verb's rooms when the verb runs, and `runner/connect` the provider that a run needs."""
    hidden = [
        f"{name(path)}:{one.line} imports {one.module} inside a function"
        for path in HOUSED
        for one in imports(path)
        if one.lazy and room_imported(one.module) and room_of(path) != "cli" and name(path) not in MAY_LOAD_LATE
    ]
    assert not hidden, "\n".join(hidden)


def test_heavy_packages_are_loaded_on_use_and_only_where_they_belong() -> None:
    heavy = [(path, one) for path in HOUSED for one in imports(path) if one.module.split(".")[0] in HEAVY]
    heavy = [(path, one) for path, one in heavy if not _for_types_only(path, one)]
    elsewhere = [f"{name(path)}:{one.line}" for path, one in heavy if not {name(path), room_of(path)} & MAY_LOAD_HEAVY]
    assert not elsewhere
    assert not [f"{name(path)}:{one.line}" for path, one in heavy if not one.lazy]


def _for_types_only(path: Path, wanted: Import) -> bool:
    """Whether an import stands under `if TYPE_CHECKING:`."""
    guards = [node for node in ast.walk(parse(path)) if isinstance(node, ast.If)]
    guards = [node for node in guards if "TYPE_CHECKING" in ast.unparse(node.test)]
    return any(node.lineno < wanted.line <= (node.end_lineno or 0) for node in guards)


def test_nothing_below_the_command_line_prints() -> None:
    writes = [
        f"{name(path)}:{node.lineno}"
        for path in HOUSED
        if room_of(path) != "cli"
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write")
    ]
    assert not writes


def test_only_the_catalog_knows_directory_names() -> None:
    """No string is, or starts as, a path below one of the ground floor's directories; docstrings may explain."""
    pattern = re.compile(rf"^({'|'.join(DIRECTORIES)})/")
    known = [
        f"{name(path)}:{node.lineno}: {node.value!r}"
        for path in HOUSED
        if room_of(path) not in KNOWS_DIRECTORIES
        for node in _strings(parse(path))
        if pattern.match(str(node.value))
    ]
    assert not known, "\n".join(known)


def _strings(tree: ast.Module) -> Iterator[ast.Constant]:
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node


def test_files_are_small() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert not {path: lines for path, lines in lengths.items() if lines > MAX_LINES}


def test_every_module_says_what_belongs_in_it() -> None:
    assert not [name(path) for path in MODULES if not ast.get_docstring(parse(path))]


def test_names_say_something() -> None:
    assert not [name(path) for path in MODULES if VAGUE.search(path.stem) or VAGUE.search(room_of(path))]


def test_functions_are_short() -> None:
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in MODULES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert statistics.median(lengths) <= MAX_MEDIAN_FUNCTION


def test_every_verb_is_a_module_with_the_same_face() -> None:
    from sluice.cli.verbs import VERBS

    for verb in VERBS.values():
        module = parse(PACKAGE / "cli" / f"{verb.module}.py")
        functions = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
        assert {"add_arguments", "run"} <= functions, verb
        assert ast.get_docstring(module), verb
