"""Rounds that take turns, A..Z and Z..A, so that a machine that slows down slows everybody; and what is made of them."""

import sys

from .gauge import Busy, median
from .scenarios import Failed

# More than this share of the machine used by others, and a round is dropped.
OTHERS = 0.15


def measure(scenario, peers, rounds, own):
    """All rounds of one scenario: by peer's name, a list with a slot each round (figures, or why there are none)."""
    slots = {peer.name: [] for peer in peers}
    for number in range(rounds):
        for peer in peers if number % 2 == 0 else reversed(peers):
            slots[peer.name].append(slot(scenario, peer, own))
    return slots


def slot(scenario, peer, own):
    busy = Busy(own)
    busy.start()
    try:
        figures = scenario.measure(peer)
    except Failed as failed:
        print(f"   {peer.name}: {failed}", file=sys.stderr)
        return {"failed": str(failed)}
    others = busy.share()
    said = " ".join(f"{name}={value:.1f}" for name, value in figures.items())
    print(f"   {scenario.letter} {peer.name:12} {said}{'' if others <= OTHERS else f'  (others used {others:.0%})'}", flush=True)
    return {"figures": figures, "others": others, "clean": others <= OTHERS}


def summary(slots, ours="doorward"):
    """For each peer: medians of its figures, and medians of its per-round ratios to ours. Only rounds count in which both were
    measured undisturbed; where there is no such round, those with failures are still left out, and `noisy` says so."""
    result = {}
    for name, listed in slots.items():
        pairs = [(theirs["figures"], own["figures"], theirs["clean"] and own["clean"])
                 for theirs, own in zip(listed, slots.get(ours, listed)) if "figures" in theirs and "figures" in own]
        quiet = [pair for pair in pairs if pair[2]]
        used = quiet or pairs
        row = {"rounds": len(used), "dropped": len(pairs) - len(quiet), "noisy": bool(pairs) and not quiet,
               "failed": sum("failed" in each for each in listed), "medians": {}, "ratios": {}}
        for figure in used[0][0] if used else []:
            row["medians"][figure] = median([theirs[figure] for theirs, _, _ in used])
            # Above one is better for us: their cost to ours, our rate to theirs.
            ratio = (lambda theirs, own: own / theirs) if figure == "per_second" else (lambda theirs, own: theirs / own)
            row["ratios"][figure] = median([ratio(theirs[figure], own[figure]) for theirs, own, _ in used if theirs[figure] and own[figure]])
        result[name] = row
    return result
