import ClientKit
import Foundation
import ImmudbClient
import POSIX
import Synchronization
import Terminal

/// Decides what to do at first contact with a server: it can show any history, and must continue it from then on.
struct FirstContactDialog: Sendable {
    enum Answer: String, CaseIterable, Sendable {
        /// Asks at a terminal; otherwise the same as `accept`.
        case ask
        case accept
        case refuse
    }

    let answer: Answer
    let address: String
    let servers: KnownServers
    let format: Output.Format

    init(_ settings: ClientSettings) {
        answer = settings.firstContact
        address = settings.connection.address.description
        servers = KnownServers(in: settings.rootFolders.own)
        format = settings.format
    }

    /// Returns the error; if another server is known at the address, with the flag that names the new one.
    func explained(_ error: ClientError) -> any Error {
        guard let change = error.cause as? ServerChange, change.origin == .trustedAtAddress else {
            return error
        }
        return ToolError(
            "THE SERVER HAS CHANGED: the one at \(address) says that it is \(change.found). The one that was "
                + "trusted there is \(change.known), says \(servers.path).\n"
                + "Either another server has taken its place, or somebody is in between. If you know the new "
                + "one, name it once: --server \(change.found)",
            code: "ServerChanged")
    }

    /// The first contact policy for `ImmudbClient`.
    var policy: ImmudbClient.FirstContact {
        guard answer != .refuse else { return .refuse }
        let accepted = AcceptedRoot()
        return .ask { root, server in
            // For an empty server the policy is called at each step of a call.
            if accepted.root.withLock({ $0 == root }) { return true }
            guard try accepts(root, server) else { return false }
            accepted.root.withLock { $0 = root }
            return true
        }
    }

    private final class AcceptedRoot: Sendable {
        let root = Mutex<TrustedRoot?>(nil)
    }

    private func accepts(_ root: TrustedRoot, _ server: ServerIdentity) throws -> Bool {
        let report = FirstContactReport(
            address: address, server: server, root: root, folder: parentFolder(of: servers.path))
        StandardError.write(LineReport(report.text, json: report.json), format)
        // An empty server shows no history that could be forged.
        let asks = answer == .ask && !root.size.isEmpty && Self.isInteractive
        return asks ? try Prompt.confirm("Trust it? [y/N] ") : true
    }

    private static var isInteractive: Bool {
        isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0
    }
}

extension Digest {
    /// Its first 80 bits as five pronounceable words: each has 16 bits, alternating consonants of four bits and vowels
    /// of two (proquints, arXiv:0901.4016).
    var phrase: String {
        let consonants = Array("bdfghjklmnprstvz")
        let vowels = Array("aiou")
        let numbers = stride(from: 0, to: 10, by: 2).map {
            Int(bytes[$0]) << 8 | Int(bytes[$0 + 1])
        }
        return numbers.map { number in
            String([
                consonants[number >> 12], vowels[number >> 10 & 3], consonants[number >> 6 & 15],
                vowels[number >> 4 & 3], consonants[number & 15],
            ])
        }.joined(separator: "-")
    }
}
