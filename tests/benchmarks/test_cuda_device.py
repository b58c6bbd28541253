from __future__ import annotations

import pytest
import simt_library

from benchmarks import cuda_device
from srdgan_rt import _ext


def test_without_a_gpu_says_so(monkeypatch, capsys):
    monkeypatch.setattr(_ext, "why_no_cuda", lambda: "the extension has no CUDA kernels")
    with pytest.raises(SystemExit, match="2"):
        cuda_device.main(["--parts", "check"])
    assert capsys.readouterr().err.endswith(": error: the extension has no CUDA kernels\n")
    monkeypatch.setattr(_ext, "why_no_cuda", lambda: None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        cuda_device.main(["--parts", "check"])
    assert "there is no GPU" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--sides", "0"], ["--seconds", "0"], ["--parts", "all"]])
def test_wrong_arguments(arguments):
    with pytest.raises(SystemExit) as ending:
        cuda_device.main(arguments)
    assert ending.value.code == 2


@pytest.mark.slow
def test_dry_run(capsys):
    if (reason := simt_library.why_not()) is not None:
        pytest.skip(reason)
    assert cuda_device.main(["--dry-run"]) == 0
    text = capsys.readouterr().out
    assert text.count(" right ") == 3 * len(cuda_device.DRY_CASES)
    assert text.count("compute-sanitizer --tool") == 3
    for name in ("op, sums in fp16", "torch, channels last", "engine, host to host"):
        assert name in text
    assert text.endswith("all checks passed\n")


@pytest.mark.slow
def test_inexact_results_fail(capsys, monkeypatch):
    if (reason := simt_library.why_not()) is not None:
        pytest.skip(reason)
    right = cuda_device.l2h_net_cuda
    monkeypatch.setattr(cuda_device, "l2h_net_cuda", lambda x, net: right(x, net) * 1.01)
    assert cuda_device.main(["--dry-run", "--parts", "check"]) == 1
    assert "INEXACT" in capsys.readouterr().out
