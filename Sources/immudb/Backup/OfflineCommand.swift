// The commands on the data of a stopped server.

import ArgumentParser
import ImmudbServer
import ImmudbStore
import ProgramKit
import StorageIO
import Terminal

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A command that works on a data folder while no server has it open.
protocol OfflineCommand: FlaggedCommand, Sendable {
    /// Blocks until it is done.
    func run(_ values: SettingsValues) throws(StoreError)
}

extension OfflineCommand {
    /// The exit code of bytes that are damaged, or of a history that is not the expected one.
    private static var verificationFailed: Int32 { 3 }

    /// - Returns: the exit code; a failure is explained on the standard error.
    func exitCode(_ values: SettingsValues) -> Int32 {
        do throws(StoreError) {
            try run(values)
            return EXIT_SUCCESS
        } catch {
            StandardError.write(line: "Error: \(error)")
            switch error.code {
            case .corruption, .tampered, .otherHistory, .foreignDatabase:
                return Self.verificationFailed
            default: return EXIT_FAILURE
            }
        }
    }
}

/// Shows the warnings and errors of a database, not how it is opened.
let offlineLog: LogSink = { level, line in
    guard level >= .warning else { return }
    StandardError.write(line: line)
}

/// `--rate`: mebibytes a second.
struct Rate: ExpressibleByArgument, Sendable {
    let bytesPerSecond: Int

    init?(argument: String) {
        guard let megabytes = Int(argument), (1...1 << 20).contains(megabytes) else { return nil }
        bytesPerSecond = megabytes << 20
    }
}
