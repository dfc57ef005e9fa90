"""Attacks a server over real sockets, and expects that other clients do not notice.

    abuse.py EXECUTABLE                       every attack, some seconds each: about 20 minutes
    abuse.py EXECUTABLE --short               every attack, about a second each
    abuse.py EXECUTABLE --only NAME,NAME      these, or all of a family: --only resets
    abuse.py --list                           names, families and descriptions

An attack passes if the server lives; the honest client (abuse_honest.py) never gets an error, except for
RESOURCE_EXHAUSTED in the first 3 s of an attack on memory, which is shown apart; its p99 of Get, SafeSet and SetBatch
stays within FACTOR x its quiet value + SLACK; memory grows by MEMORY-BOUND at most; afterwards a fresh call works at
once, memory and descriptors come back, and SIGTERM ends the server with 0. An attack that fails only by p99 runs
again: on a shared machine, other programs alone can raise a p99. Ends with 1 if there are findings.
"""

import argparse
import pathlib
import signal
import sys
import time

import abuse_calls
import abuse_connections
import abuse_floods
import abuse_fuzz
import abuse_log
import abuse_memory
import abuse_resets
from abuse_harness import ATTACKS, Bench, HonestClient, OPERATIONS, Result, raise_descriptor_limit
from abuse_http2 import Refused
from torture_server import Hang, StartFailed

# (factor, slack in seconds) of the honest client's p99. The short form shares two cores with other tests, and the
# checks of a debug build take most of its time: there the bound finds a server that hangs, not one that is slow.
RELEASE_LATENCY = (2, 0.005)
LENIENT_LATENCY = (8, 1)
LOADED_LATENCY = (8, 15)


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("executable", nargs="?")
    parser.add_argument("--only", default="", help="names or families, with commas between")
    parser.add_argument("--skip", default="", help="names or families, with commas between")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--short", dest="is_short", action="store_true")
    parser.add_argument(
        "--loaded", action="store_true",
        help="beside other tests, which latency tells more of than of the server: only a server that stalls is a finding",
    )
    parser.add_argument("--lenient", action="store_true", help="the p99 bound of the short form and of debug builds")
    parser.add_argument("--seconds", type=float, help="of each attack")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory-bound", type=float, default=700, help="MiB that an attack may add (700)")
    parser.add_argument("--kept-bound", type=float, default=96, help="MiB that may stay after it (96)")
    parser.add_argument("--factor", type=float)
    parser.add_argument("--slack-milliseconds", type=float)
    parser.add_argument(
        "--bystander", action="store_true",
        help="the honest client calls a second server that nobody attacks: its p99 is what the machine does to anybody",
    )
    parser.add_argument("--attempts", type=int, default=2, help="runs of an attack that fails only by p99")
    parser.add_argument("--nice", type=int, default=5, help="niceness of the attackers, who share the cores")
    parser.add_argument("--folder", help="where the data goes; by default the folder for temporary files")
    chosen = parser.parse_args()
    factor, slack = LENIENT_LATENCY if chosen.is_short or chosen.lenient else RELEASE_LATENCY
    if chosen.loaded:
        factor, slack = LOADED_LATENCY
    chosen.factor = chosen.factor or factor
    chosen.slack = slack if chosen.slack_milliseconds is None else chosen.slack_milliseconds / 1e3
    chosen.memory_bound = int(chosen.memory_bound * (1 << 20))
    chosen.kept_bound = int((256 if chosen.loaded else chosen.kept_bound) * (1 << 20))
    chosen.quiet_seconds = 0.4 if chosen.is_short else 3
    chosen.fresh_seconds = 15 if chosen.loaded else 3 if chosen.is_short or chosen.lenient else 1
    chosen.recovery_seconds = 15
    chosen.stop_seconds = 20
    return chosen


def selected(chosen):
    names = [name for name in chosen.only.split(",") if name]
    skipped = [name for name in chosen.skip.split(",") if name]
    known = {attack.name for attack in ATTACKS} | {attack.family for attack in ATTACKS}
    unknown = [name for name in names + skipped if name not in known]
    if unknown:
        raise SystemExit(f"no such attack or family: {', '.join(unknown)}; see --list")
    return [attack for attack in ATTACKS
            if (not names or attack.name in names or attack.family in names)
            and attack.name not in skipped and attack.family not in skipped]


def can_share(attack, bench):
    """Whether an attack can run on the server of the one before: only in the short form."""
    other = bench.attack
    return (attack.prepare in (None, other.prepare) and not attack.after and not other.unread_log and not attack.unread_log
            and (attack.arguments, attack.environment, attack.wrapper)
            == (other.arguments, other.environment, other.wrapper))


def run(chosen, attacks, honest):
    results, bench = [], None
    try:
        for attack in attacks:
            for attempt in range(chosen.attempts):
                if bench and not can_share(attack, bench):
                    finish(bench)
                    bench = None
                try:
                    bench = bench or Bench(chosen, honest, attack)
                    bench.result = result = bench.run(attack, chosen.seed)
                except (Hang, StartFailed, Refused, OSError) as error:
                    result = Result(attack, findings=[f"{type(error).__name__}: {error}"])
                if bench and (result.findings or not chosen.is_short):
                    finish(bench)
                    bench = None
                if not result.is_only_latency or attempt + 1 == chosen.attempts:
                    break
                print(f"again   {attack.name}: {'; '.join(result.findings)}", flush=True)
            results.append(result)
            show(result)
    finally:
        if bench:
            finish(bench)
    return results


def finish(bench):
    """Stops a server. Errors at its end are findings of the last attack on it."""
    wrong = bench.close()
    if wrong and bench.result:
        bench.result.findings.append(wrong)
        bench.result.is_only_latency = False


def show(result):
    print(f"{'FINDING' if result.findings else 'ok':7} {result.attack.name} ({result.seconds:.1f} s):"
          f" +{result.growth >> 20} MiB, {result.cpu:.2f} cores"
          + "".join(f"; {note}" for note in result.notes)
          + "".join(f"\n          {finding}" for finding in result.findings), flush=True)


def milliseconds(figure):
    return "-" if figure is None else f"{figure * 1e3:.1f}"


def table(results):
    head = ["row", "attack", "result", "s", "+MiB", "kept", "cores"]
    head += [f"{name} {part}" for name in OPERATIONS[:3] for part in ("p50", "p99", "max")] + ["early RE"]
    lines = [head]
    for result in results:
        line = [str(result.attack.row or ""), result.attack.name, "FINDING" if result.findings else "ok",
                f"{result.seconds:.0f}", f"{result.growth >> 20}", f"{result.kept >> 20}", f"{result.cpu:.2f}"]
        for name in OPERATIONS[:3]:
            quiet, loud = result.quiet.get(name, [None] * 4), result.loud.get(name, [None] * 4)
            line += [f"{milliseconds(quiet[i])}>{milliseconds(loud[i])}" for i in range(3)]
        lines.append(line + [str(result.exhausted or "")])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    print("\nLatencies in ms, quiet>under attack; +MiB: memory that the attack added at its peak; early RE:"
          " RESOURCE_EXHAUSTED in the first 3 s.\n")
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def main():
    chosen = options()
    attacks = selected(chosen)
    if chosen.list:
        for attack in attacks:
            print(f"{attack.name:24} {attack.family:12} {attack.what}")
        return
    if not chosen.executable or not pathlib.Path(chosen.executable).exists():
        raise SystemExit("which executable? See --help")
    raise_descriptor_limit()
    began = time.monotonic()
    # A run that is stopped leaves no server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    honest = HonestClient()
    try:
        results = run(chosen, attacks, honest)
    finally:
        honest.finish()
    table(results)
    failed = [result for result in results if result.findings]
    print(f"\n{len(results)} attacks in {time.monotonic() - began:.0f} s, seed {chosen.seed}:"
          f" {len(failed)} with findings")
    for result in failed:
        row = f"row {result.attack.row}, " if result.attack.row else ""
        print(f"FINDING {row}{result.attack.name}: " + "; ".join(result.findings))
        print(f"    repeat: abuse.py {chosen.executable} --only {result.attack.name} --seed {chosen.seed}")
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
