import ArgumentParser
import BackupTools
import ClientKit
import ImmudbBackup
import ImmudbClient
import ImmudbModel
import POSIX
import ProgramKit
import RPCTransport
import Terminal

struct BackupCommand: AdminCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "backup", abstract: "Back up the database of a running server.",
        discussion: """
            Writes all entries of the newest snapshot, each verified by the server, to a file, or with --since those \
            after an earlier backup. Until the file is complete and on disk it is <file>.part; run the same command \
            again after an interruption, and it goes on from there. immudb restore makes a data folder of backups, \
            immuadmin restore puts them into an empty server. Users are not in it.
            """)

    @OptionGroup var flags: BackupFlags

    func run(in context: AdminContext) async throws {
        let start = try BackupStart(flags.since)
        let path = flags.path()
        try start.requireOther(than: path)
        let output = path == "-" ? nil : try BackupFile(path, replaces: flags.force)
        let receiver = BackupReceiver(start: start, output: output, rate: flags.rate)
        let end: TrustedRoot
        do {
            end = try await context.withAdministrator { try await receiver.receive(from: $0) }
        } catch {
            output?.discardIfEmpty()
            guard let status = (error as? ClientError)?.status else { throw error }
            if status == .failedPrecondition, let hint = output?.refusalHint {
                StandardError.write(line: hint)
            }
            throw BackupRefusal(error, status)
        }
        let report = LineReport(
            start.summary(to: end, in: output == nil ? "the standard output" : path),
            json: [
                "entries": .number(end.size.rawValue - start.tree.size.rawValue),
                "size": .number(end.size.rawValue), "root": .text(end.root.hex),
                "file": .text(path),
            ])
        if output == nil {
            // The standard output is the backup.
            StandardError.write(report, context.output.format)
        } else {
            try context.output.write(report)
        }
    }
}

/// A server's refusal of a backup or a restore, with the exit code that immudb has for the same reason.
struct BackupRefusal: ExplainableError {
    let failure: Failure

    init(_ error: any Error, _ status: StatusCode) {
        var failure = Failure(error)
        if [.failedPrecondition, .dataLoss].contains(status) {
            failure.exitCode = .verificationFailed
        }
        self.failure = failure
    }
}

/// Writes the parts of a backup as a server sends them.
private struct BackupReceiver {
    let start: BackupStart
    /// nil for the standard output.
    let output: BackupFile?
    let rate: Rate?

    /// - Returns: the tree with which the complete backup ends.
    func receive(from client: ImmudbClient) async throws -> TrustedRoot {
        let resumed = output?.unfinished?.end
        if let resumed, resumed.size > start.tree.size {
            StandardError.write(
                line: "the backup goes on after entry \(resumed.size), where it was interrupted")
        }
        var parts = try await client.backup(since: start.tree, resumingAt: resumed)
            .makeAsyncIterator()
        guard let first = try await parts.next() else {
            throw ToolError("the server has sent no backup", code: "IncompleteBackup")
        }
        let head = try BackupHead(first.bytes)
        try start.requireSame(head)
        if let output { try output.begin(head) } else { try Self.print(head.bytes) }
        return try await receive(parts, of: head, size: first.size)
    }

    private func receive(
        _ parts: BackupSequence.Iterator, of head: BackupHead, size: UInt64
    ) async throws -> TrustedRoot {
        var parts = parts
        var bar = ProgressBar("Backing up", total: size - min(size, head.start.size.rawValue))
        defer { bar.finish() }
        var pace = rate.map { Pace(bytesPerSecond: $0.bytesPerSecond) }
        let began = ContinuousClock.now
        while let part = try await parts.next() {
            // Checks the part, which makes a damaged one an error now and not at a restore.
            let place = try PlacedPart(part.bytes, of: head)
            if let output { try output.append(part.bytes) } else { try Self.print(part.bytes) }
            bar.update(to: place.end - min(place.end, head.start.size.rawValue))
            if let trailer = place.trailer {
                try output?.complete()
                return trailer.end
            }
            if let rest = pace?.rest(after: part.bytes.count, now: .now - began), rest > .zero {
                try await Task.sleep(for: rest)
            }
        }
        throw ToolError(
            "the server has ended the backup before it was complete: run the command again to continue it",
            code: "IncompleteBackup")
    }

    private static func print(_ bytes: [UInt8]) throws {
        do {
            try FileDescriptor.standardOutput.writeAll(bytes)
        } catch {
            throw ToolError("cannot write to the standard output: \(error)")
        }
    }
}
