"""The cycle model: which loops it finds, what it adds up, what it refuses."""

from __future__ import annotations

import shutil

import pytest

from srdgan_rt.errors import InputError

cycles = pytest.importorskip("benchmarks.cycles", reason="benchmarks/ is not there: this is not a source tree")

DISASSEMBLY = """
kernel.o:     file format elf64-x86-64

0000000000000000 <void other()>:
   0:\tnop
   1:\tjmp    0 <void other()>

0000000000000010 <void steps<14, 2>(float const*)>:
  10:\txor    %eax,%eax
  12:\tvaddps %zmm0,%zmm1,%zmm1
  14:\tvmulps %zmm0,%zmm1,%zmm1
  16:\tcmp    %rax,%rdx
  18:\tje     14 <void steps<14, 2>(float const*)+0x4>
  1a:\tvsubps %zmm0,%zmm1,%zmm1
  1c:\tjne    14 <void steps<14, 2>(float const*)+0x4>
  1e:\tvmaxps 0x10(%rip),%zmm0,%zmm2        # 34 <kZero>
  20:\tjmp    1e <void steps<14, 2>(float const*)+0xe>
  22:\tjne    12 <void steps<14, 2>(float const*)+0x2>
  24:\tjmp    0 <void other()>
"""


def test_innermost_loops_end_with_their_last_jump_back() -> None:
    inner, last = cycles.list_loops(DISASSEMBLY, r"steps<14, 2>")
    assert [text.split()[0] for text in inner] == ["vmulps", "cmp", "je", "vsubps", "jne"]
    assert [text.split()[0] for text in last] == ["vmaxps", "jmp"]


def test_a_function_that_is_not_there() -> None:
    with pytest.raises(InputError, match="there is no function steps<6, 2>"):
        cycles.list_loops(DISASSEMBLY, "steps<6, 2>")


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(InputError, match="no-such-analyser is not installed"):
        cycles.Analyser("no-such-analyser", "znver4").count_cycles(["nop"])


class OneCycleAnInstruction:
    """In place of LLVM's."""

    def count_cycles(self, loop: list[str]) -> float:
        return len([text for text in loop if not text.startswith("j")])


@pytest.mark.slow
@pytest.mark.skipif(not all(map(shutil.which, ("g++", "objdump"))), reason="needs g++ and objdump")
def test_steps_of_both_precisions() -> None:
    """A product's loop has the multiplications of its block and little else: the least that it can take is known."""
    compiled = {precision: cycles.disassemble(precision.source) for precision in cycles.PRECISIONS}
    for precision in cycles.PRECISIONS:
        steps = cycles.compute_steps(precision, compiled, OneCycleAnInstruction(), 64, 32)
        multiply_adds = (
            (64 + 96 + 128 + 160 + 2 * 192) * 32 / 16 * (precision.window**2 / precision.depth + precision.has_means)
        )
        assert multiply_adds < steps.products * precision.tile**2 < 2 * multiply_adds
        assert 0 < steps.inputs < steps.products
        assert 0 < steps.outputs < steps.products
        assert steps.total == steps.inputs + steps.products + steps.outputs
