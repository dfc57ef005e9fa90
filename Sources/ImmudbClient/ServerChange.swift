public import Foundation
public import ImmudbVerification

/// The cause of a `ClientError` with code `.serverChanged`: the server that answers is not the one that answered
/// before, or that was expected.
///
/// Another server has taken its place, its folder was replaced, or somebody forges it. This is evidence, like a
/// `VerificationError`. Nothing of the answer was used.
public struct ServerChange: LocalizedError, Hashable, Sendable, CustomStringConvertible {
    /// Where the known identity comes from.
    public enum Origin: Hashable, Sendable {
        /// The server was trusted at this address, in this run or an earlier one.
        case trustedAtAddress
        /// The caller has named the server (`expecting:`).
        case expected
        /// The server answered when this client connected.
        case connected
    }

    /// Host and port.
    public let address: String
    /// The server that should have answered.
    public let known: ServerIdentity
    public let origin: Origin
    /// The identity that the answering server claims, which may not be an identity at all.
    public let found: String

    /// The same as ``description``, which `localizedDescription` then is, too.
    public var errorDescription: String? { description }

    public var description: String {
        let origin =
            switch origin {
            case .trustedAtAddress: ", which was trusted there before"
            case .expected: ""
            case .connected: ", which it was when this client connected"
            }
        return
            "the server at \(address) says that it is \(found), not \(known)\(origin). Another server has taken "
            + "its place, its folder was replaced, or somebody forges it. Nothing was taken from it: ask its "
            + "operator before you trust it"
    }
}

extension ClientError {
    static func changed(
        _ address: String, _ known: ServerIdentity, _ origin: ServerChange.Origin, found: String
    ) -> ClientError {
        let change = ServerChange(address: address, known: known, origin: origin, found: found)
        return ClientError(.serverChanged, change.description, cause: change)
    }
}

extension ClientError {
    /// The change of the server that this error reports, also for a write that may be stored at the other one.
    package var serverChange: ServerChange? {
        cause as? ServerChange ?? (cause as? ClientError)?.serverChange
    }
}
