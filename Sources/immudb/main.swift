// The server's process: reads its settings, opens its log, detaches if asked to, takes its pid
// file, starts the server, and stops it at SIGTERM or SIGINT.

import Dispatch
import ImmudbServer
import ProgramKit

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Ends with exit code 1, as all failures of these programs, wrong arguments too.
func fail(_ reason: String) -> Never {
    signal(SIGPIPE, SIG_IGN)
    StandardFiles.write("Error: \(reason)\n", to: STDERR_FILENO)
    detachedProcess?.report(failure: reason)
    exit(1)
}

// Before anything else is opened. So nothing awaits here: see `StandardFiles`.
StandardFiles.reserve()
let detachedProcess = DetachedProcess.current()

let invocation: ImmudbCommand.Invocation
do {
    invocation = try ImmudbCommand.invocation(ProcessArguments.text())
} catch {
    fail("\(error.message)\nRun 'immudb --help' for usage.")
}
let startup: Startup
let log: ServerLog
switch invocation {
case .serve(let flags, let configFile):
    // A client or a pipe that has gone away is an error of its write, not the end of the server.
    signal(SIGPIPE, SIG_IGN)
    StandardFiles.keepErrorsFromBlocking()
    do {
        startup = try Startup(flags: flags, configFile: configFile)
    } catch {
        fail(error.message)
    }
    do {
        log = try startup.openLog()
    } catch {
        fail(error.message)
    }
case .mangen(let directory):
    do {
        print(try ImmudbCommand.Mangen.write(to: directory))
        exit(0)
    } catch {
        fail(error.message)
    }
case .show(let text):
    print(text)
    exit(0)
}

/// Ends when the last lines of the log are written, or half a second later if they cannot be.
func end(_ exitCode: Int32) -> Never {
    log.flush(within: .milliseconds(500))
    exit(exitCode)
}

/// Ends with the reason in the log, and told to whoever waits for this process.
func failStart(_ reason: String) -> Never {
    log.error(reason)
    log.flush(within: .milliseconds(500))
    if !startup.options.process.logFile.isEmpty || detachedProcess != nil { fail(reason) }
    exit(1)
}

if startup.options.process.isDetached, detachedProcess == nil {
    do {
        try Detachment.run()
        exit(0)
    } catch {
        fail(error.message)
    }
}
for warning in startup.warnings { log.warning(warning) }

raiseOpenFileLimit()
returnLargeBlocks()

let stopSignals = StopSignals(log: log)
// Taken before the data is touched: a second start fails here.
let pidFile: PidFile?
do {
    pidFile = try startup.takePidFile()
} catch {
    failStart(error.message)
}
Task {
    let server: ImmudbServer
    do throws(ServerStartError) {
        server = try await ImmudbServer.start(
            startup.options, log: log, cancellation: stopSignals.cancellation)
    } catch {
        pidFile?.remove()
        if error.isCancellation {
            log.info("stopped before the server had started: \(error.message)")
            detachedProcess?.report(failure: error.message)
            end(0)
        }
        failStart(error.message)
    }
    detachedProcess?.report()
    await stopSignals.first()
    let isClosed = await server.stop(deadline: .seconds(10))
    pidFile?.remove()
    end(isClosed ? 0 : 1)
}
dispatchMain()
