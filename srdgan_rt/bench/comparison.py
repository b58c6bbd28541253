"""Compares our engines with the fastest peers."""

from __future__ import annotations

from collections.abc import Sequence

from srdgan_rt.bench.engines import FULL_PRECISION, OURS
from srdgan_rt.bench.report import Measurement, PeerComparison


def compare(rows: Sequence[Measurement]) -> list[PeerComparison]:
    """Compares our preferred engine of each precision with the fastest peers.

    Args:
        rows: interleaved measurements of one picture size and number of threads.

    Returns:
        One comparison per precision; none where no peer or none of our engines ran.
    """
    peers = sorted((row for row in rows if row.engine not in OURS), key=lambda row: row.seconds_min)
    if not peers:
        return []
    peer_fp32 = next((row for row in peers if row.precision == FULL_PRECISION), None)
    ours: dict[str, Measurement] = {}
    order = list(OURS)
    for row in sorted((row for row in rows if row.engine in order), key=lambda row: order.index(row.engine)):
        ours.setdefault(row.precision, row)
    return [_compare(row, peer_fp32, peers[0]) for row in ours.values()]


def _compare(ours: Measurement, peer_fp32: Measurement | None, peer: Measurement) -> PeerComparison:
    return PeerComparison(
        engine=ours.engine,
        height=ours.height,
        width=ours.width,
        num_threads=ours.num_threads,
        fastest_fp32_peer=None if peer_fp32 is None else peer_fp32.engine,
        speedup_over_fp32_peer=None if peer_fp32 is None else peer_fp32.seconds_min / ours.seconds_min,
        fastest_peer=peer.engine,
        speedup_over_peer=peer.seconds_min / ours.seconds_min,
    )


def describe(comparison: PeerComparison) -> str:
    """The result of a comparison in one line."""
    over_all = f"the fastest of all ({comparison.fastest_peer})"
    if comparison.fastest_fp32_peer is None:
        return f"{comparison.engine} is {comparison.speedup_over_peer:.2f} times as fast as {over_all}"
    text = (
        f"{comparison.engine} is {comparison.speedup_over_fp32_peer:.2f} times as fast as the fastest peer in "
        f"{FULL_PRECISION} ({comparison.fastest_fp32_peer})"
    )
    if comparison.fastest_peer == comparison.fastest_fp32_peer:
        return f"{text}, which is the fastest of all"
    return f"{text}, {comparison.speedup_over_peer:.2f} times as fast as {over_all}"
