// Fills a server with sample entries: reads its settings, asks if the server has entries already,
// writes, and says how long it took.

import Foundation
import ImmudbClient
import Settings
import Terminal

/// Ends with exit code 1, as all failures of these programs.
func fail(_ reason: String) -> Never {
    // What a server says may be in it, and must not steer a terminal.
    let line = Array((reason + "\n").utf8)
    let shown = isatty(STDERR_FILENO) != 0 ? TerminalText.escaped(line) : line
    FileHandle.standardError.write(Data(shown))
    exit(EXIT_FAILURE)
}

let invocation: ImmutestCommand.Invocation
do {
    invocation = try ImmutestCommand.invocation(ProcessArguments.text())
} catch {
    fail("Error: \(error.message)\nRun 'immutest --help' for usage.")
}

switch invocation {
case .populate(let count, let flags, let configFile):
    do {
        let server = try ServerPlace(flags: flags, configFile: configFile)
        try await Population(count: count).write(to: server)
    } catch {
        fail(error.message)
    }
case .mangen(let directory):
    do {
        print(try ImmutestCommand.Mangen.write(to: directory))
    } catch {
        fail("Error: \(error.message)")
    }
case .show(let text):
    print(text)
}
