import HTTPTypes
import ImmudbClient
import ImmudbModel
import ImmudbVerification
import Logging
import MerkleTree
import NIOCore
import RPCTransport

/// The state that all requests share: the upstream, the metrics, and the limits.
struct GatewayCore: Sendable {
    let options: GatewayOptions
    let limits: RequestLimits
    let upstream: Upstream
    let metrics: GatewayMetrics
    /// The bytes that the gateway holds for requests; see ``Room``.
    let held: HostShares
    let connections: HostShares
    /// Requests that wait for immudb.
    let calls: HostShares
    let logins: HostShares
    let dumps: HostShares
    let log: Logger
    let failures: FailureLog
    let started = ContinuousClock.now

    /// Counts a verified answer.
    func noteVerified() { metrics.noteVerified() }

    /// Counts and logs an answer that does not follow from the trusted root.
    ///
    /// - Parameter isWrite: whether the answer is to a write.
    /// - Throws: in strict mode the error for the caller, with the evidence.
    func noteThrowingIfStrict(_ error: VerificationError, isWrite: Bool = false) throws {
        metrics.failed(error.code.rawValue)
        var short = error
        short.message = error.message.shortened
        failures.report(error.code.rawValue, "\(short)")
        guard options.isStrict else { return }
        let outcome =
            if !isWrite { "" } else if error.isRefusal { Self.isNotStored } else {
                Self.isProbablyStored
            }
        var failure = GatewayError(.dataLoss, "\(outcome)\(short)", status: .badGateway)
        failure.details = Self.evidence(error)
        throw failure
    }

    static let isNotStored = "the entry is not stored: "
    private static let isProbablyStored =
        "the entry is probably stored, look before you write it again: "

    /// Counts and logs that the server is not the trusted one; ignores other errors.
    ///
    /// - Throws: in strict mode the error for the caller.
    func noteThrowingIfStrict(_ error: ClientError, isWrite: Bool = false) throws {
        guard let change = error.serverChange else { return }
        metrics.failed(GatewayMetric.serverChange)
        failures.reportServerChange(change.description)
        guard options.isStrict else { return }
        // An `outcomeUnknown` error itself says that the entry may be stored.
        let outcome = isWrite && error.code == .serverChanged ? Self.isNotStored : ""
        var failure = GatewayError(.dataLoss, outcome + error.message, status: .badGateway)
        failure.details = Self.evidence(change)
        throw failure
    }

    private static func evidence(_ change: ServerChange) -> String {
        var text = JSONText()
        text.object { text in
            text.field("check", string: GatewayMetric.serverChange)
            text.field("message", string: change.description)
        }
        return String(buffer: text.buffer)
    }

    /// Returns the evidence as JSON: the check, and the two roots that do not match. The named file has all answers
    /// of immudb to the request.
    private static func evidence(_ error: VerificationError) -> String {
        var text = JSONText()
        text.object { text in
            text.field("check", string: error.code.rawValue)
            text.field("message", string: error.message)
            if let index = error.index { text.field("index", number: index.rawValue) }
            text.root("trusted", error.trustedRoot, error.trustedSize)
            text.root("claimed", error.newRoot, error.newSize)
            if !error.path.isEmpty {
                text.name("path")
                text.array { text in for digest in error.path { text.value(digest.hex) } }
            }
            if let file = error.evidenceFile { text.field("file", string: file) }
        }
        return String(buffer: text.buffer)
    }
}

extension JSONText {
    fileprivate mutating func root(_ name: String, _ root: Digest?, _ size: TreeSize?) {
        guard root != nil || size != nil else { return }
        self.name(name)
        object { text in
            if let size { text.field("size", number: size.rawValue) }
            if let root { text.field("root", string: root.hex) }
        }
    }
}
