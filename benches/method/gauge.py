"""What is read from the machine: CPU time of process trees, their memory, and how busy others keep it."""

import os
import platform
import resource
import statistics
import time
from pathlib import Path


def tree(pid):
    """A process and all its descendants."""
    found = [pid]
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in listed.read_text().split():
                found += tree(int(child))
        except OSError:
            pass
    return found


def cpu(pids):
    """Seconds that all threads of these processes and their descendants have run, to the nanosecond."""
    total = 0
    for pid in {each for pid in pids for each in tree(pid)}:
        for schedstat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(schedstat.read_text().split()[0])
            except OSError:
                pass
    return total / 1e9


def memory(pid):
    """Kilobytes that a process and its descendants hold (PSS: a shared page counts once)."""
    total = 0
    for each in tree(pid):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


class Busy:
    """How much of the machine is used by processes that are not the bench's own, between `start` and `share`."""

    def __init__(self, own):
        self.own = own

    def start(self):
        self.before = (time.monotonic(), *self._read())

    def share(self):
        (then, all_then, own_then), (now, all_now, own_now) = self.before, (time.monotonic(), *self._read())
        others = (all_now - all_then) - (own_now - own_then)
        return max(0.0, others / ((now - then) * os.cpu_count()))

    def _read(self):
        fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        # Time that the hypervisor gave to others counts: whoever took it, it was not there for us.
        used = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used, cpu(self.own()) + time.process_time() + ended.ru_utime + ended.ru_stime


def machine():
    """What the figures were measured on."""
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {gigabytes:.0f} GiB, {platform.system()} {platform.release()}"


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None
