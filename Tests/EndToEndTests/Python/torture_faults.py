"""The system calls that a server makes on its files, and the errors with which they can fail.

A run under strace counts the calls of each kind; each such call, of each thread, then
fails once. strace counts the calls of each thread separately, and so does this.
"""

import collections
import itertools
import re

# Errors that the call can have, by its manual page and by what disks do. EINTR must never be seen outside.
ERRORS = {
    "openat": ["EMFILE", "ENOSPC", "EIO", "EINTR"],
    "pwrite64": ["ENOSPC", "EIO", "EINTR"],
    "write": ["ENOSPC", "EIO", "EINTR"],
    "writev": ["ENOSPC", "EIO"],
    "pread64": ["EIO", "EINTR"],
    "read": ["EIO", "EINTR"],
    "fdatasync": ["EIO", "ENOSPC"],
    "fsync": ["EIO", "ENOSPC"],
    "fallocate": ["ENOSPC", "EIO", "EINTR"],
    "rename": ["EIO", "ENOSPC"],
    "link": ["EIO", "ENOSPC"],
    "unlink": ["EIO"],
    "ftruncate": ["EIO", "EINTR"],
    "mkdir": ["ENOSPC", "EIO"],
    "statfs": ["EIO"],
    "fstatfs": ["EIO"],
    "statx": ["EIO"],
    "newfstatat": ["EIO"],
    "sync_file_range": ["EIO"],
    "getdents64": ["EIO"],
    "flock": ["EIO"],
    "fcntl": ["EMFILE"],
    "lseek": ["EIO"],
}
# These also work on sockets, pipes and threads.
ERRORS_ANYWHERE = {
    "clone3": ["EAGAIN"],
    "openat": ["EMFILE"],
    "read": ["EIO", "EINTR"],
    "write": ["EIO", "EPIPE", "EINTR"],
    "sendto": ["EPIPE", "EINTR"],
    "recvfrom": ["ECONNRESET", "EINTR"],
    "accept4": ["EMFILE", "ECONNABORTED", "EINTR"],
    "epoll_wait": ["EINTR"],
    "epoll_ctl": ["ENOMEM"],
    "eventfd2": ["EMFILE"],
    "socket": ["EMFILE"],
}
# The kernel reports a success that did not happen: the disk lies. Damage may be refused, never served.
LIES = {"pwrite64": ["retval=1"], "pread64": ["retval=1"]}
# Faults in these leave a ledger whose state on the disk is unknown: it may stop taking writes.
LEDGER_WRITES = {"pwrite64", "write", "writev", "fdatasync", "fsync", "sync_file_range"}
# A disk on which these fail for good can still be read.
CHANGES = LEDGER_WRITES | {"fallocate", "rename", "link", "unlink", "ftruncate", "mkdir"}
# Beyond this number of calls of a kind in a thread, every n-th is sufficient.
DENSE_COUNT = 150

GROUPS = ("ledger", "tree", "index", "other")


def group_of(relative):
    parts = relative.split("/")
    return parts[1] if len(parts) > 1 and parts[1] in GROUPS else "other"


class Case:
    """One fault of one run."""

    def __init__(self, scenario, group, call, fault, when):
        self.scenario, self.group, self.call, self.fault, self.when = scenario, group, call, fault, when

    @property
    def name(self):
        return f"{self.scenario}/{self.group}/{self.call}/{self.fault}/{self.when}"

    @classmethod
    def named(cls, name):
        return cls(*name.split("/"))

    @property
    def is_anywhere(self):
        return self.group == "anywhere"

    @property
    def is_lie(self):
        return self.fault.startswith("retval") and self.fault != "retval=0"

    @property
    def is_lasting(self):
        return self.when.endswith("+")

    @property
    def may_stop_writes(self):
        # A folder is opened to synchronize it: a failure of the disk there is not a shortage.
        is_folder_sync = self.call == "openat" and self.fault == "error=EIO"
        return (self.group == "ledger" and (self.call in LEDGER_WRITES or is_folder_sync)
                or self.is_anywhere and (self.call == "write" or is_folder_sync))

    def strace(self, paths):
        arguments = ["-y", "-ttt", "--seccomp-bpf", "-e", f"trace={self.call}"]
        if not self.is_anywhere:
            for path in paths:
                arguments += ["-P", path]
        return [*arguments, "-e", f"inject={self.call}:{self.fault}:when={self.when}"]


class Count:
    """The result of a counting run: paths by group, and the most calls of a thread by group and kind."""

    def __init__(self, trace, data):
        self.paths = collections.defaultdict(set)
        self.paths["other"].add("")
        by_thread = collections.Counter()
        anywhere = collections.Counter()
        skipped = {}
        is_begun = False
        line_form = re.compile(r"^(\d+) +(?:[\d.]+ )?([a-z0-9_]+)\((.*)")
        path_form = re.compile(re.escape(str(data)) + r"(/[^\">,]*)?(?=[\">])")
        for line in trace.read_text(errors="replace").splitlines():
            match = line_form.match(line)
            if not match:
                continue
            thread, call, rest = match.groups()
            anywhere[thread, call] += 1
            found = path_form.search(rest)
            if not found or call == "execve":
                continue
            if not is_begun:
                # Earlier reads are those of the loader and the runtime.
                is_begun, skipped = True, dict(anywhere)
            relative = (found.group(1) or "").lstrip("/").removesuffix(" (deleted)")
            group = group_of(relative)
            for each in path_form.finditer(rest):
                self.paths[group].add((each.group(1) or "").lstrip("/"))
            by_thread[thread, group, call] += 1
        self.calls = collections.Counter()
        for (_, group, call), count in by_thread.items():
            self.calls[group, call] = max(self.calls[group, call], count)
        self.anywhere = {}
        for (thread, call), count in anywhere.items():
            before = skipped.get((thread, call), 0)
            first, last = self.anywhere.get(call, (before + 1, 0))
            self.anywhere[call] = (max(first, before + 1) if before else first, max(last, count))

    def paths_in(self, group, data):
        return sorted(f"{data}/{path}".rstrip("/") for path in self.paths[group])

    def rolls(self):
        return sum(path.endswith(".segment") for path in self.paths["ledger"]) - 1


def dense(count):
    step = max(1, count // DENSE_COUNT)
    return range(1, count + 1, step)


def cases(scenario, count):
    """Returns every fault that the scenario can meet."""
    found = []
    for (group, call), number in sorted(count.calls.items()):
        faults = [f"error={error}" for error in ERRORS.get(call, ())]
        if call == "pwrite64":
            faults.append("retval=0")
        if group == "ledger":
            faults += LIES.get(call, ())
        for fault in faults:
            found += [Case(scenario, group, call, fault, str(k)) for k in dense(number)]
            if fault.startswith("error") and "EINTR" not in fault:
                step = max(1, number // 6)
                found += [Case(scenario, group, call, fault, f"{k}+") for k in range(1, number + 1, step)]
    for call, (first, last) in sorted(count.anywhere.items()):
        for error in ERRORS_ANYWHERE.get(call, ()):
            found += [Case(scenario, "anywhere", call, f"error={error}", str(k))
                      for k in dense(last) if k >= first]
    return found


# Cases that have found bugs. Every sample has them.
FOUND = ("fresh/other/openat/error=EINTR/",)


def sample(all_cases, number, chance):
    """Returns `number` cases, spread evenly over the kinds of calls and errors; those of FOUND first."""
    found = [case for case in all_cases if case.name.startswith(FOUND)]
    all_cases = [case for case in all_cases if case not in found]
    by_kind = collections.defaultdict(list)
    for case in all_cases:
        by_kind[case.group, case.call, case.fault, case.is_lasting].append(case)
    kinds = list(by_kind.values())
    chance.shuffle(kinds)
    for kind in kinds:
        chance.shuffle(kind)
    rounds = itertools.zip_longest(*kinds)
    return (found + [case for each in rounds for case in each if case is not None])[:number]
