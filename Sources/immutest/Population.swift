import Foundation
import ImmudbClient
import MerkleTree
import POSIX
import Terminal

/// Writes sample entries to a server.
struct Population {
    /// The number of writes at once. A server that makes each write durable before it answers does
    /// so for all waiting writes together.
    private static let inFlightCount = 32

    /// immuclient's exit code for a write that may have been stored.
    private static let outcomeUnknown: Int32 = 6

    let count: Int

    /// Writes all entries, and then says so.
    ///
    /// - Throws: also if the user, when asked, declines.
    func write(to server: ServerPlace) async throws(ImmutestError) {
        let client: ImmudbClient
        do {
            // Nothing is verified, so no trusted root is needed.
            client = try await ImmudbClient.connect(
                ImmudbClient.Configuration(
                    host: server.host, port: server.port, token: server.token),
                trustedRoots: InMemoryTrustedRootStore(), firstContact: .refuse)
        } catch {
            throw ImmutestError("\(error)")
        }
        do throws(ImmutestError) {
            try await confirm(client, server)
            try await write(by: client)
            await client.close()
        } catch {
            await client.close()
            throw error
        }
    }

    /// Asks the user, if the server may have entries.
    private func confirm(
        _ client: ImmudbClient, _ server: ServerPlace
    ) async throws(ImmutestError) {
        guard let note = await note(client, server) else { return }
        let isWanted: Bool
        do {
            isWanted = try Prompt.confirm(
                "\(note)\nAre you sure you want to proceed? [y/N]: ")
        } catch {
            throw ImmutestError("\(error)")
        }
        guard isWanted else { throw ImmutestError("Canceled") }
    }

    /// Returns a sentence about the server's entries, or nil if it has none.
    private func note(_ client: ImmudbClient, _ server: ServerPlace) async -> String? {
        let consequence = "Sample entries cannot be deleted from it later."
        do {
            let size = try await client.currentRoot().size
            guard !size.isEmpty else { return nil }
            let entries = size.rawValue == 1 ? "an entry" : "\(size.rawValue) entries"
            return "immudb at \(server) holds \(entries) already. \(consequence)"
        } catch {
            let reason = String(
                decoding: TerminalText.escaped(Array("\(error)".utf8)), as: UTF8.self)
            return "immudb at \(server) does not tell whether it holds entries already: "
                + "\(reason). \(consequence)"
        }
    }

    private static func isUnknown(_ error: any Error) -> Bool {
        (error as? ClientError)?.code == .outcomeUnknown
    }

    private func write(by client: ImmudbClient) async throws(ImmutestError) {
        print("Populating immudb with \(count) sample entries (credit cards of clients) ...")
        // Before the progress bar, which goes to the standard error.
        fflush(nil)
        let start = ContinuousClock.now
        var progress = ProgressBar("Populating", total: UInt64(count))
        var written = 0
        var failure: (any Error)?
        await withTaskGroup(of: Result<Void, any Error>.self) { group in
            for position in 0..<count {
                if position >= Self.inFlightCount, case .failure(let error) = await group.next() {
                    failure = error
                    break
                }
                written = max(0, position - Self.inFlightCount + 1)
                progress.update(to: UInt64(written))
                group.addTask {
                    let entry = SampleEntry(position: position)
                    do {
                        return .success(_ = try await client.set(entry.key, entry.value))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            // The first write to fail may certainly not be stored. The result depends on whether
            // any write may be stored.
            for await case .failure(let error) in group
            where failure.map({ !Self.isUnknown($0) }) ?? true {
                failure = error
            }
        }
        if let failure {
            progress.finish()
            throw ImmutestError(
                "\(failure)\nAt least \(written) of \(count) entries were written before.",
                exitCode: Self.isUnknown(failure) ? Self.outcomeUnknown : EXIT_FAILURE)
        }
        progress.finish()
        let duration = DurationText.text(of: ContinuousClock.now - start)
        print(
            """
            OK: \(count) entries were written in \(duration)
            Run './immuclient scan client:' to fetch the populated entries
            """, terminator: isatty(STDOUT_FILENO) != 0 ? "\n" : "")
    }
}

extension ServerPlace: CustomStringConvertible {
    var description: String { hostAndPort(host, port) }
}
