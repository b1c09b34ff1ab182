"""Every part of Numba without a documented interface that this package uses, each with a substitute; see README.md.

A part is looked up or tried out when it is first needed. Where it is missing or behaves differently, the substitute
computes the same numbers, and `limitations` says what is lost.
"""

import contextlib
import functools
import hashlib
import importlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils

_njit: Any = numba.njit
_REASONS: dict[str, str] = {}
_CHECKSUM_SIZE = 32


def limitations() -> list[str]:
    """Return what is lost for each part that is missing, and why; parts not needed so far are tried out first."""
    ir_compiler()
    _cache_class()
    without_reference_counting()
    compiler_locks()
    return [f"{consequence} (Numba {numba.__version__}: {reason})" for consequence, reason in _REASONS.items()]


def _part(consequence: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Return a decorator: the function runs once; where it fails, the part is None and the reason is kept."""

    def decorate(define: Callable[[], Any]) -> Callable[[], Any]:
        @functools.cache
        @functools.wraps(define)
        def guarded() -> Any:
            try:
                return define()
            except Exception as error:  # whatever another version does
                first_line = (str(error).splitlines() or [""])[0]
                _REASONS[consequence] = f"{type(error).__name__}: {first_line}"
                return None

        return guarded

    return decorate


def _core(module: str) -> Any:
    return importlib.import_module(f"numba.core.{module}")


# --- Kernels linked as LLVM IR ------------------------------------------------------------------------------


@_part("compiled one by one")
def ir_compiler() -> Any:
    """Return a compiler class for kernels that are only called from kernels, or None if a trial of it fails.

    Numba by itself optimizes and assembles each function, then does so again with every caller. This compiler stops
    at LLVM IR: a call tree is optimized and assembled once, as a whole.
    """
    compiler = _define_ir_compiler()
    inner_options = {"pipeline_class": compiler, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    inner = _njit(**inner_options, **without_reference_counting())(lambda x: x + 1)
    outer = _njit(**without_reference_counting())(lambda x: 2 * inner(x))
    if outer(20) != 42:  # pragma: no cover - no known version
        raise RuntimeError("a linked kernel returned a wrong result")
    return compiler


def _define_ir_compiler() -> Any:
    compiler, machinery = _core("compiler"), _core("compiler_machinery")
    annotate_types = _core("typed_passes").AnnotateTypes
    library_class = _define_ir_library()

    @machinery.register_pass(mutates_CFG=False, analysis_only=False)
    class _UseIRLibrary(machinery.LoweringPass):  # type: ignore[misc, name-defined]
        _name = "use_ir_library"

        def __init__(self) -> None:
            super().__init__()

        def run_pass(self, state: Any) -> bool:
            state.library = library_class(state.targetctx.codegen(), state.func_id.func_qualname)
            return True

    class IRCompiler(compiler.CompilerBase):  # type: ignore[misc, name-defined]
        """Numba's compiler with an IR library as its output."""

        def define_pipelines(self) -> list[Any]:
            passes = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
            passes.add_pass_after(_UseIRLibrary, annotate_types)
            passes.finalize()
            return [passes]

    return IRCompiler


def _define_ir_library() -> Any:
    class IRLibrary(_core("codegen").JITCodeLibrary):  # type: ignore[misc]
        """The LLVM IR of a kernel and of all its callees, unoptimized and without machine code."""

        def finalize(self) -> None:
            self._raise_if_finalized()
            for library in dict.fromkeys(self._linking_libraries):
                self._final_module.link_in(library._get_module_for_linking(), preserve=True)
            self._define_environments()
            self._finalized = True

        def get_pointer_to_function(self, name: str) -> int:
            self._ensure_finalized()
            return 0  # no function here has an address

        def _define_environments(self) -> None:
            # Numba is about to write to these variables: they need an address, which the caller's code will share.
            module = self._final_module
            names = [variable.name for variable in module.global_variables if variable.linkage.name == "common"]
            source = "\n".join(f'@"{name}" = common global i8* null' for name in names)
            definitions = llvm.parse_assembly(source)
            definitions.triple, definitions.data_layout = module.triple, module.data_layout
            self._codegen._add_module(definitions)
            self._codegen._engine.finalize_object()

    return IRLibrary


# --- Reference counting -------------------------------------------------------------------------------------


def without_reference_counting() -> dict[str, bool]:
    """Return the options under which a kernel does not count references to arrays; none where Numba has no such."""
    return {"_nrt": False} if _counting_is_optional() else {}


@_part("with reference counting")
def _counting_is_optional() -> Any:
    return _core("cpu").CPUTargetOptions._nrt is not None


# --- Locks ---------------------------------------------------------------------------------------------------


def compiler_locks() -> list[Any]:
    """Return the locks that a thread holds while it compiles, in the order in which it takes them."""
    return _compiler_locks() or []


@_part("not finished before a fork")
def _compiler_locks() -> Any:
    locks = [
        _core("compiler_lock").global_compiler_lock._lock,
        importlib.import_module("llvmlite.binding.ffi").lib._lock._lock,
    ]
    for lock in locks:
        with lock:
            lock.acquire(timeout=1.0)  # reentrant
            lock.release()
    return locks


# --- Compiled code on disk ----------------------------------------------------------------------------------


def keep_on_disk(entry: Any, stamp: str, package: Path, key_of: Callable[[Any], str | None]) -> None:
    """Let a dispatcher keep its compiled code on disk, valid for one content of the sources.

    Parameters
    ----------
    entry : Dispatcher
        An entry point.
    stamp : str
        A hash of the sources of the package; code stored under another stamp is not used. Without one nothing is kept.
    package : Path
        The folder of the package. Under NUMBA_CACHE_DIR, code is filed by stamp and by the path within this folder,
        so that all checkouts with the same sources share it.
    key_of : callable
        Given the types of the arguments, a string that distinguishes them and all sources outside of the package, or
        None if the code may not be kept.
    """
    cache_class = _cache_class()
    if (
        cache_class is None or not stamp
    ):  # Numba alone would use stale code: it watches the file of the entry point only
        return
    try:
        entry._cache = cache_class(entry.py_func, stamp, package, key_of)
    except Exception:  # no folder on this machine can hold the cache
        return


@_part("not kept on disk")
def _cache_class() -> Any:
    caching = _core("caching")
    for owner, name in (
        (caching.FunctionCache, "_index_key"),
        (caching.FunctionCache, "load_overload"),
        (caching.FunctionCache, "save_overload"),
        (caching.IndexDataCacheFile, "load"),
        (caching.IndexDataCacheFile, "_open_for_write"),
        (caching.IndexDataCacheFile, "_dump"),
        (caching.CompileResultCacheImpl, "_locator_classes"),
        (_core("dispatcher").Dispatcher, "enable_caching"),
    ):
        getattr(owner, name)
    _locator_base(caching)
    return _define_cache(caching)


def _define_cache(caching: Any) -> Any:
    class CodeFiles(caching.IndexDataCacheFile):  # type: ignore[misc]
        """A file for each key, with a checksum over the key and the code.

        Numba's own index of files is read, changed and written by each process: of two at once, one can load the code
        of the other's types. It has no checksum, and half a file, as a power failure leaves it, would be run.
        """

        def save(self, key: Any, data: Any) -> None:
            content = self._dump(data)
            with self._open_for_write(self._path_of(key)) as file:
                file.write(_checksum(key, content) + content)

        def load(self, key: Any) -> Any:
            path = self._path_of(key)
            if not os.path.isfile(path):
                return None
            with open(path, "rb") as file:
                checksum, content = file.read(_CHECKSUM_SIZE), file.read()
            return pickle.loads(content) if checksum == _checksum(key, content) else None

        def flush(self) -> None:
            """Do nothing: a file that cannot be used is written again."""

        def _path_of(self, key: Any) -> str:
            name = hashlib.sha256(repr((key, self._version, self._source_stamp)).encode()).hexdigest()[:32]
            return os.path.join(self._cache_path, f"{self._index_name.removesuffix('.nbi')}.{name}.nbc")

    class ContentCache(caching.FunctionCache):  # type: ignore[misc]
        """Compiled code of one entry point, valid for one content of the sources; saves time only, so never fails."""

        def __init__(self, function: Any, stamp: str, package: Path, key_of: Callable[[Any], str | None]) -> None:
            locator = _define_locator(caching, stamp, package)
            standard = caching.CompileResultCacheImpl
            self._impl_class = type(
                "CacheImpl", (standard,), {"_locator_classes": [locator, *standard._locator_classes]}
            )
            self._key_of = key_of
            super().__init__(function)
            self._cache_file = CodeFiles(
                cache_path=self.cache_path, filename_base=self._impl.filename_base, source_stamp=stamp
            )

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            # What cannot be read is compiled again, and then written in its place.
            with contextlib.suppress(Exception):
                return None if self._key_of(sig) is None else super().load_overload(sig, target_context)
            return None

        def save_overload(self, sig: Any, data: Any) -> None:
            with contextlib.suppress(Exception):  # a full disk, a folder that is gone, types that cannot be pickled
                if self._key_of(sig) is not None:
                    super().save_overload(sig, data)

        def _index_key(self, sig: Any, codegen: Any) -> Any:
            # The types by name: their repr is that of objects.
            return (self._key_of(sig), *super()._index_key(sig, codegen)[1:])

    return ContentCache


def _checksum(key: Any, content: bytes) -> bytes:
    return hashlib.blake2b(repr(key).encode() + b"\0" + content, digest_size=_CHECKSUM_SIZE).digest()


def _locator_base(caching: Any) -> Any:
    """Return the locator of NUMBA_CACHE_DIR, whose name had an underscore up to Numba 0.61."""
    return getattr(caching, "UserProvidedCacheLocator", None) or caching._UserProvidedCacheLocator


def _define_locator(caching: Any, stamp: str, package: Path) -> Any:
    class SharedLocator(_locator_base(caching)):  # type: ignore[misc]
        """A folder below NUMBA_CACHE_DIR that does not depend on where the package is installed."""

        def get_cache_path(self) -> str:
            folder = Path(self._py_file).resolve().parent.relative_to(package.resolve())
            return os.path.join(numba.config.CACHE_DIR, f"{package.name}-{stamp[:16]}", folder)  # type: ignore[attr-defined]

        @classmethod
        def from_function(cls, py_func: Any, py_file: str) -> Any:
            is_ours = package.resolve() in Path(py_file).resolve().parents
            return super().from_function(py_func, py_file) if is_ours else None

    return SharedLocator


# --- Arrays and attributes in generated code ----------------------------------------------------------------


def array_proxy(context: Any, builder: Any, array_type: Any, value: Any = None) -> Any:
    """Return access to the fields of an array in LLVM IR: data, shape, strides and so on."""
    if hasattr(context, "make_array"):  # it also tells LLVM that sizes are positive
        return context.make_array(array_type)(context, builder, value=value)
    return cgutils.create_struct_proxy(array_type)(context, builder, value=value)


def array_value(context: Any, builder: Any, array_type: Any, data: Any, shape: list[Any], strides: list[Any]) -> Any:
    """Return a value of an array type, given its data pointer, shape and strides (in bytes) in LLVM IR."""
    array = array_proxy(context, builder, array_type)
    size = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    fields = {"data": data, "itemsize": context.get_constant(types.intp, size)}
    populate = _populate_array() or _set_fields
    populate(array, shape=shape, strides=strides, meminfo=None, **fields)
    return array._getvalue()


def _set_fields(array: Any, data: Any, shape: list[Any], strides: list[Any], itemsize: Any, meminfo: Any) -> None:
    del meminfo  # a struct's arrays are owned by Python: the pointers to owners stay null
    builder = array._builder
    array.data, array.itemsize = data, itemsize
    array.shape, array.strides = cgutils.pack_array(builder, shape), cgutils.pack_array(builder, strides)
    array.nitems = functools.reduce(builder.mul, shape, itemsize.type(1))
    for owner in ("meminfo", "parent"):
        setattr(array, owner, ir.Constant(getattr(array, owner).type, None))


@functools.cache
def _populate_array() -> Any:
    try:
        return importlib.import_module("numba.np.arrayobj").populate_array
    except (ImportError, AttributeError):
        return None


def resolve_attributes(type_class: Any, resolve: Callable[[Any, str], Any]) -> bool:
    """Let resolve(type, name) give the types of attributes; return False where that cannot be said of all names."""
    try:
        templates = _core("typing.templates")
        _ = templates.AttributeTemplate.generic_resolve
    except (ImportError, AttributeError):
        return False

    @templates.infer_getattr
    class _Fields(templates.AttributeTemplate):  # type: ignore[misc, name-defined]
        key = type_class

        def generic_resolve(self, value: Any, attr: str) -> Any:
            return resolve(value, attr)

    return True
