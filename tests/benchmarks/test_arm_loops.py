"""The counts of ARM's loops: which loop is taken, what is refused."""

from __future__ import annotations

import shutil

import pytest

from srdgan_rt.errors import InputError

arm_loops = pytest.importorskip("benchmarks.arm_loops", reason="benchmarks/ is not there: this is not a source tree")

DISASSEMBLY = """
kernel.o:     file format elf64-littleaarch64

0000000000000000 <void other()>:
   0:\tfmla\tv0.4s, v1.4s, v2.s[0]
   4:\tb.ne\t0 <void other()>  // b.any

0000000000000010 <void steps<5, 4>(float const*)>:
  10:\tmov\tx0, #0x0
  14:\tprfm\tpldl2keep, [x1]
  18:\tcbnz\tx1, 14 <void steps<5, 4>(float const*)+0x4>
  1c:\tldr\tq2, [x0]
  20:\tfmla\tv0.4s, v1.4s, v2.s[0]
  24:\tfmla\tv3.4s, v1.4s, v2.s[1]
  28:\tb.lt\t14 <void steps<5, 4>(float const*)+0x4>  // b.tstop
  2c:\tfmla\tv3.4s, v1.4s, v2.s[1]
  30:\tb.ne\t10 <void steps<5, 4>(float const*)>  // b.any
"""


def test_the_loop_may_hold_loops_without_products() -> None:
    loop = arm_loops.find_product_loop(DISASSEMBLY, "steps<5, 4>", "fmla")
    assert [text.split()[0] for text in loop] == ["prfm", "cbnz", "ldr", "fmla", "fmla", "b.lt"]
    assert arm_loops.count(loop, "fmla") == 2


def test_a_loop_that_is_not_there() -> None:
    with pytest.raises(InputError, match="no loop of steps<5, 4> has sdot"):
        arm_loops.find_product_loop(DISASSEMBLY, "steps<5, 4>", "sdot")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("aarch64-linux-gnu-g++") is None, reason="needs g++-aarch64-linux-gnu")
def test_accumulators_stay_in_registers() -> None:
    """A block that is too large for the registers shows as stores in its loop."""
    text = arm_loops.disassemble("winograd_neon.cpp")
    loop = arm_loops.find_product_loop(text, "FloatBlock<srdgan::Float32>", "fmla")
    assert arm_loops.count(loop, "fmla") == 20
    assert arm_loops.count(loop, "st") == 0
