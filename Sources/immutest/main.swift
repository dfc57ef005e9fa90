// Fills a server with sample entries: reads its settings, asks if the server has entries already,
// writes, and says how long it took.

import Foundation
import ImmudbClient
import ProgramKit
import Terminal

/// Writes a line to the standard error; one that takes nothing is no failure of its own.
func complain(_ text: String) {
    // What a server says may be in it, and must not steer a terminal.
    let line = Array((text + "\n").utf8)
    let shown = isatty(STDERR_FILENO) != 0 ? TerminalText.escaped(line) : line
    _ = shown.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Ends with exit code 1, unless the error has one of its own.
func fail(_ reason: String, exitCode: Int32 = EXIT_FAILURE) -> Never {
    complain(reason)
    exit(exitCode)
}

// Before anything else is opened. So nothing awaits here: see `StandardFiles`.
StandardFiles.reserve()

let invocation: ImmutestCommand.Invocation
do {
    invocation = try ImmutestCommand.invocation(ProcessArguments.text())
} catch {
    fail("Error: \(error.message)\nRun 'immutest --help' for usage.")
}

switch invocation {
case .populate(let count, let flags, let configFile):
    Task {
        do throws(ImmutestError) {
            let server = try ServerPlace(flags: flags, configFile: configFile)
            try await Population(count: count).write(to: server)
        } catch {
            fail(error.message, exitCode: error.exitCode)
        }
        exit(EXIT_SUCCESS)
    }
    dispatchMain()
case .mangen(let directory):
    do {
        print(try ImmutestCommand.Mangen.write(to: directory))
    } catch {
        fail("Error: \(error.message)")
    }
case .show(let text):
    print(text)
}
