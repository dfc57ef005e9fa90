// The server's command line: parses the options, starts the server, stops it at SIGTERM or SIGINT.

import ImmudbServer

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

let options: ServerOptions
switch ImmudbCommand.invocation(Array(CommandLine.arguments.dropFirst())) {
case .serve(let asked):
    options = asked
case .show(let text):
    print(text)
    exit(0)
case .refuse(let reason):
    // All failures of these programs are exit code 1, wrong arguments too.
    let line = Array("\(reason)\n".utf8)
    write(STDERR_FILENO, line, line.count)
    exit(1)
}
let log = ServerLog.standardError(level: getenv("LOG_LEVEL").map { String(cString: $0) })

// A client or a pipe that has gone away is an error of its write, not the end of the server.
signal(SIGPIPE, SIG_IGN)
raiseOpenFileLimit()

let stopSignals = StopSignals(log: log)
let server: ImmudbServer
do {
    server = try await ImmudbServer.start(options, log: log)
} catch {
    log.error(error.message)
    exit(1)
}
await stopSignals.first()
let isClosed = await server.stop(deadline: .seconds(10))
exit(isClosed ? 0 : 1)
