"""Times the engines: ours and, where they are installed, others that run the same weights (peers)."""

from srdgan_rt.bench.report import Measurement, Report
from srdgan_rt.bench.suite import run_suite

__all__ = ["Measurement", "Report", "run_suite"]
