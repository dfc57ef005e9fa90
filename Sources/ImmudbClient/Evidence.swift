import Foundation
import ImmudbVerification

/// The file that a client writes when a verification fails: JSON, complete enough to repeat the verification.
/// `docs/client.md` documents the fields.
struct Evidence: Codable, Sendable {
    struct Exchange: Codable, Sendable {
        /// The time when the exchange ended.
        var time: Date
        var method: String
        /// The message of the wire, in base64.
        var request: Data
        /// The message of the wire, in base64; absent if a status came instead.
        var response: Data?
        /// The name of the status that came instead; absent if there was none.
        var status: String?
        /// The message of the status, or the reason why there is no answer.
        var error: String?
        /// The identity in the answer.
        var server: String?
    }

    struct Root: Codable, Sendable {
        /// The size of the tree, in entries; absent if the server sent none.
        var size: UInt64?
        var root: String
    }

    /// The version of this format.
    var immudbEvidence = 1
    var time: Date
    var server: String
    var address: String
    var check: String
    var message: String
    /// The index of the entry.
    var index: UInt64?
    var trusted: Root?
    var claimed: Root?
    var path: [String]
    /// The exchanges in the order in which they ended.
    var exchanges: [Exchange]

    init(_ error: VerificationError, exchanges: [Exchange], server: String, address: String) {
        time = Date()
        self.server = server
        self.address = address
        check = error.code.rawValue
        message = error.message
        index = error.index?.rawValue
        trusted = Self.root(error.trustedRoot, error.trustedSize)
        claimed = Self.root(error.newRoot, error.newSize)
        path = error.path.map(\.hex)
        self.exchanges = exchanges
    }

    private static func root(_ root: Digest?, _ size: TreeSize?) -> Root? {
        root.map { Root(size: size?.rawValue, root: $0.hex) }
    }

    /// Makes the evidence of a server that refuses what it has to show.
    init(
        _ refusal: ClientError, of index: EntryIndex?, exchanges: [Exchange], server: String,
        address: String
    ) {
        time = Date()
        self.server = server
        self.address = address
        check = Self.refused
        message = refusal.wireDescription
        self.index = index?.rawValue
        path = []
        self.exchanges = exchanges
    }

    private static let refused = "refused"

    /// The JSON of the file.
    func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }

    /// A name for the file, which no other one has.
    var fileName: String {
        let stamp = time.formatted(.iso8601.timeSeparator(.omitted).dateSeparator(.dash))
        return "immudb-evidence-\(server)-\(stamp)-\(UUID().uuidString.prefix(8)).json"
    }
}
