// What the commands on a folder share beside their form.

import ArgumentParser
import StorageIO
import Terminal

/// Shows the warnings and errors of a database, not how it is opened.
let offlineLog: LogSink = { level, line in
    guard level >= .warning else { return }
    StandardError.write(line: line)
}

/// `--rate`: mebibytes a second.
struct Rate: ExpressibleByArgument, Sendable {
    let bytesPerSecond: Int

    init?(argument: String) {
        guard let mebibytes = Int(argument), (1...1 << 20).contains(mebibytes) else { return nil }
        bytesPerSecond = mebibytes << 20
    }
}
