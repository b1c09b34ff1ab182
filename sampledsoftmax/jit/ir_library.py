"""How a kernel is compiled that stands inside another one: as intermediate code, for its caller to assemble.

Numba by itself optimizes each function, assembles it, and then does so again with all that calls it; at a depth of
seven kernels that was a third of the time of a cold start. Left as they are, kernels are optimized once, with
their caller around them, and a step is some percent faster for it.

This is where the package leans on Numba's insides: a compiler is a documented extension, its library of code is not.
"""

from typing import Any

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.typed_passes import AnnotateTypes


class IRLibrary(JITCodeLibrary):
    """The intermediate code of a kernel and of all that it calls; none of it can be run."""

    def finalize(self) -> None:
        """Take in what the kernel calls, and leave all of it as it is."""
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._define_environments()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: no function here has an address."""
        self._ensure_finalized()
        return 0

    def _define_environments(self) -> None:
        """Give the variables that Numba is about to write to a place; the caller's code will share it."""
        names = [variable.name for variable in self._final_module.global_variables if variable.linkage.name == "common"]
        places = llvm.parse_assembly("\n".join(f'@"{name}" = common global i8* null' for name in names))
        places.triple, places.data_layout = self._final_module.triple, self._final_module.data_layout
        self._codegen._add_module(places)
        self._codegen._engine.finalize_object()


@register_pass(mutates_CFG=False, analysis_only=False)
class _BeginIR(LoweringPass):
    _name = "begin_part"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        state.library = IRLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return True


class IRCompiler(CompilerBase):
    """Numba's compiler, but for the library."""

    def define_pipelines(self) -> list[Any]:
        """Return the one pipeline."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_BeginIR, AnnotateTypes)
        passes.finalize()
        return [passes]
