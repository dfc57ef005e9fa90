// What the commands on a folder share beside their form.

import StorageIO
import Terminal

/// Shows the warnings and errors of a database, not how it is opened.
let offlineLog: LogSink = { level, line in
    guard level >= .warning else { return }
    StandardError.write(line: line)
}
