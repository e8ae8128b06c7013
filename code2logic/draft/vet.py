"""Reads a model's module before it runs: only what a pure game needs is let through.

What protects the machine is the kernel (see worker.py); this gate turns away what has no business in a game, with a
line that a model can act on. It lists what is allowed: modules and which of their names, and builtins. A module may
not be handed on as a value, so that no other name of it can be reached.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType, TracebackType

MAX_SOURCE = 60_000  # characters

MODULES = {  # what a game may use of each; "*" is all that it defines
    "__future__": "annotations",
    "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
    "collections.abc": (
        "Callable Collection Container Generator Hashable Iterable Iterator Mapping MutableMapping MutableSequence "
        "MutableSet Reversible Sequence Set Sized"
    ),
    "dataclasses": "KW_ONLY asdict astuple dataclass field fields replace",
    "decimal": ("Decimal ROUND_CEILING ROUND_DOWN ROUND_FLOOR ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP"),
    "enum": "Enum Flag IntEnum IntFlag StrEnum auto unique",
    "fractions": "Fraction",
    "functools": "cache cached_property cmp_to_key lru_cache partial reduce total_ordering",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "itertools": (
        "accumulate batched chain combinations combinations_with_replacement compress count cycle dropwhile "
        "filterfalse groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest"
    ),
    "math": (
        "acos asin atan atan2 cbrt ceil comb copysign cos cosh degrees dist e exp fabs factorial floor fmod frexp fsum "
        "gcd hypot inf isclose isfinite isinf isnan isqrt lcm log log10 log1p log2 modf nan perm pi pow prod radians "
        "remainder sin sinh sqrt sumprod tan tanh tau trunc"
    ),
    "random": (
        "Random betavariate choice choices expovariate gauss getrandbits randint random randrange sample seed shuffle "
        "triangular uniform"
    ),
    "re": (
        "A ASCII DOTALL I IGNORECASE M MULTILINE Match Pattern S VERBOSE X compile error escape findall finditer "
        "fullmatch match search split sub subn"
    ),
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits punctuation whitespace",
    "typing": (
        "Annotated Any Callable ClassVar Counter DefaultDict Deque Dict Final FrozenSet Generator Generic Hashable "
        "Iterable Iterator List Literal Mapping NamedTuple NewType NoReturn Optional Protocol Self Sequence Set Tuple "
        "Type TypeAlias TypeVar TYPE_CHECKING TypedDict Union assert_never cast overload"
    ),
    "PIL": "",
    "PIL.Image": "Image Resampling Transform Transpose alpha_composite blend composite fromarray merge new",
    "PIL.ImageChops": "add add_modulo darker difference invert lighter multiply offset screen subtract",
    "PIL.ImageColor": "getcolor getrgb",
    "PIL.ImageDraw": "Draw ImageDraw",
    "PIL.ImageFilter": "BLUR BoxBlur GaussianBlur MaxFilter MedianFilter MinFilter SHARPEN SMOOTH",
    "PIL.ImageOps": "expand fit flip grayscale invert mirror pad",
    "numpy": (
        "abs absolute all allclose any append arange arccos arcsin arctan arctan2 argmax argmin argsort argwhere "
        "array array_equal array_split asarray atleast_1d atleast_2d bincount block bool_ broadcast_to ceil clip "
        "column_stack concatenate convolve copy cos count_nonzero cross cumprod cumsum degrees delete diag diff "
        "divmod dot dstack dtype e empty empty_like equal exp eye fill_diagonal flatnonzero flip fliplr flipud "
        "float32 float64 floor full full_like hstack hypot identity indices inf inner insert int16 int32 int64 int8 "
        "integer intersect1d isclose isfinite isin isnan kron linspace log log10 log2 logical_and logical_not "
        "logical_or logical_xor max maximum mean median meshgrid min minimum mod moveaxis nan ndarray ndenumerate "
        "ndindex newaxis nonzero ones ones_like outer pad percentile pi power prod ptp quantile radians ravel repeat "
        "reshape roll rot90 round searchsorted setdiff1d sign sin sort split sqrt square squeeze stack std sum "
        "swapaxes take tan tensordot tile trace transpose tri tril triu uint16 uint32 uint64 uint8 union1d unique "
        "unravel_index vstack var where zeros zeros_like"
    ),
    "numpy.linalg": "det eigvals inv matrix_power matrix_rank norm solve",
    "numpy.random": "Generator default_rng",
    "ludex": "",
    "ludex.code2logic": "",
    "ludex.code2logic.draw": "*",
    "ludex.code2logic.game": "*",
    "ludex.code2logic.glyphs": "*",
    "ludex.code2logic.parts": "",
    "ludex.code2logic.parts.cards": "*",
    "ludex.code2logic.parts.grids": "*",
    "ludex.code2logic.parts.options": "*",
    "ludex.code2logic.parts.voxels": "*",
    "ludex.code2logic.question": "*",
}
_BUILTINS = (
    "abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate filter float format "
    "frozenset hasattr hash hex id int isinstance issubclass iter len list map max min next object oct ord pow print "
    "property range repr reversed round set slice sorted staticmethod classmethod str sum super tuple type zip "
    "NotImplemented Ellipsis ArithmeticError AssertionError AttributeError Exception IndexError KeyError LookupError "
    "NotImplementedError OverflowError RecursionError RuntimeError StopIteration TypeError ValueError "
    "ZeroDivisionError"
)
BUILTINS = frozenset(_BUILTINS.split())
REFUSED = frozenset(dir(builtins)) - BUILTINS
DUNDERS = ("__future__", "__init__", "__post_init__")
_RUNNING = (AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType, TracebackType)
INTERNALS = frozenset(name for kind in _RUNNING for name in dir(kind) if "_" in name)  # f_globals, gi_frame ...


def objections(source: str) -> list[str]:
    """What must not be in the module, one line each with its place; empty if it may run."""
    if len(source) > MAX_SOURCE:
        return [f"the module has {len(source):,} characters; at most {MAX_SOURCE:,}"]
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [f"not a Python module: {error}"]
    return [f"line {line}: {what}" for line, what in sorted({*_of_modules(tree), *_of_names(tree)})]


@cache
def allowed(module: str) -> frozenset[str]:
    """The names that a game may use of a module of the table."""
    return frozenset(_defined(module) if MODULES[module] == "*" else MODULES[module].split())


def _defined(module: str) -> Iterator[str]:
    """What a module of Ludex defines, and what it takes from another of code2logic."""
    spec = find_spec(module)
    for node in ast.parse(Path(str(spec and spec.origin)).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("ludex.code2logic"):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _of_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Imports, names of modules and uses of modules that are not allowed."""
    modules: dict[str, str] = {}
    for line, module, path, name in _imports(tree):
        if module not in MODULES:
            yield line, f"import of {module!r}; allowed are {', '.join(sorted(MODULES))}"
        elif path not in MODULES and path.rpartition(".")[2] not in allowed(module):
            yield line, f"{path!r} has no place in a pure game"
        elif path in MODULES and modules.setdefault(name, path) != path:
            yield line, f"{name!r} names two modules"
    for line, name, attributes in _chains(tree):
        path = modules.get(name, "")
        for attribute in attributes:
            if path not in MODULES:
                break
            if f"{path}.{attribute}" not in MODULES and attribute not in allowed(path):
                yield line, f"'{path}.{attribute}' has no place in a pure game"
            path = f"{path}.{attribute}"
        if path in MODULES:
            yield line, f"the module {path!r} as a value; only its names may be used"


def _imports(tree: ast.Module) -> Iterator[tuple[int, str, str, str]]:
    """Of each import the line, the module, the dotted name of what is bound, and the name that it gets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                path = alias.name if alias.asname else alias.name.partition(".")[0]
                yield node.lineno, alias.name, path, alias.asname or path
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield node.lineno, module, f"{module}.{alias.name}", alias.asname or alias.name


def _chains(tree: ast.Module) -> Iterator[tuple[int, str, list[str]]]:
    """Line, name and attributes of each name: a, and b and c, of a.b.c."""
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            attributes: list[str] = []
            base: ast.expr = node
            while isinstance(base, ast.Attribute):
                attributes.insert(0, base.attr)
                base = base.value
            if isinstance(base, ast.Name):
                yield node.lineno, base.id, attributes


def _of_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Builtins that are not allowed; private and internal names, wherever an identifier can stand."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        attributes = [node.attr] if isinstance(node, ast.Attribute) else getattr(node, "kwd_attrs", [])
        for name in _identifiers(node):
            dunder = name.startswith("__") and name not in DUNDERS
            builtin = isinstance(node, ast.Name) and name in REFUSED
            if dunder or builtin or (name in attributes and name in INTERNALS):
                yield line, f"{name!r} has no place in a pure game"
            elif name in attributes and name.startswith("_") and name not in DUNDERS:
                yield line, f"private attribute {name!r}"


def _identifiers(node: ast.AST) -> Iterator[str]:
    """The strings of a node that are no constants: whatever it reads, binds or names."""
    if not isinstance(node, ast.Constant):
        for _, value in ast.iter_fields(node):
            yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str))
