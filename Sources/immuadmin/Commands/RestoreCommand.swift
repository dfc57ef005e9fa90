import ArgumentParser
import BackupTools
import ClientKit
import ImmudbBackup
import ImmudbClient
import ImmudbModel
import POSIX
import ProgramKit
import Synchronization
import Terminal

struct RestoreCommand: AdminCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "restore", abstract: "Restore backups into the empty database of a running server.",
        discussion: """
            Sends a full backup and the incremental ones after it to the server, which verifies them entry by entry \
            beside its database, and puts them in its place when everything is verified and on disk: all of them, or \
            nothing. A database with entries is never replaced: immudb restore makes a new data folder. The server gets \
            the identity of the one that was backed up: clients of that one notice nothing. Name roots that clients or \
            you remember with --root: only they show that a backup is of the right history. Users stay those of the server.
            """)

    @OptionGroup var flags: RestoreFlags

    func run(in context: AdminContext) async throws {
        var options = RestoreOptions()
        options.known = try flags.knownRoot()
        options.until = flags.until
        options.keepsIdentity = !flags.newIdentifier
        // A file that is missing is known before anything is sent.
        for name in flags.backups where name != "-" { _ = try BackupReader(named: name) }
        let total = flags.statedSize
        let bar = Mutex(ProgressBar("Restoring", total: total ?? 0))
        defer { bar.withLock { $0.finish() } }
        let tree: TrustedRoot
        do {
            tree = try await context.withAdministrator { client in
                try await client.restore(
                    options,
                    progress: { step in
                        if total != nil { bar.withLock { $0.update(to: step.size) } }
                    }, send: send)
            }
        } catch {
            guard let refusal = error as? ClientError, refusal.code != .outcomeUnknown,
                let status = refusal.status
            else { throw error }
            throw BackupRefusal(refusal, status)
        }
        bar.withLock { $0.finish() }
        try context.output.write(
            LineReport(
                "SUCCESS: \(tree.size) entries are restored, root \(tree.text)",
                json: [
                    "entries": .number(tree.size.rawValue), "root": .text(tree.root.hex),
                ]))
        if options.known == nil { StandardError.write(line: RestoreFlags.advice) }
    }

    /// Sends all backups.
    private func send(_ upload: inout RestoreUpload) async throws {
        for (number, name) in flags.backups.enumerated() {
            let isLast = number == flags.backups.count - 1
            let input = try BackupPieces(name)
            defer { input.close() }
            while true {
                let piece = try await input.next { !upload.isEnded }
                // The server says why it wants no more.
                if upload.isEnded { return }
                try await upload.send(
                    piece.bytes, of: name == "-" ? "the standard input" : name,
                    endsBackup: piece.isLast, endsRestore: piece.isLast && isLast)
                if piece.isLast { break }
            }
        }
    }
}

/// The bytes of a backup, a mebibyte at a time, or what a slow pipe has brought.
private struct BackupPieces {
    private static let byteCount = 1 << 20
    private static let waitMilliseconds: Int32 = 250

    private let name: String
    private let file: FileDescriptor

    /// - Parameter name: the path of a file, or `-` for the standard input.
    init(_ name: String) throws {
        self.name = name
        guard name != "-" else {
            file = .standardInput
            return
        }
        do {
            file = try .opening(name, .readOnly)
        } catch {
            throw ToolError("cannot open \(name): \(error)")
        }
    }

    func close() {
        if name != "-" { try? file.close() }
    }

    /// Waits for bytes of a pipe as long as any are wanted.
    ///
    /// - Returns: the next bytes, none if they are not wanted any more; and whether they are the last ones.
    func next(while isWanted: () -> Bool) async throws -> (bytes: [UInt8], isLast: Bool) {
        var bytes: [UInt8] = []
        do {
            while bytes.count < Self.byteCount {
                guard try file.waitForInput(milliseconds: Self.waitMilliseconds) else {
                    guard bytes.isEmpty, isWanted() else { return (bytes, false) }
                    // Where there is one processor, other tasks have this thread, too.
                    await Task.yield()
                    continue
                }
                let some = try file.bytes(inOneReadUpTo: Self.byteCount - bytes.count)
                if some.isEmpty { return (bytes, true) }
                bytes += some
            }
            return (bytes, false)
        } catch {
            throw ToolError("cannot read \(name): \(error)")
        }
    }
}
