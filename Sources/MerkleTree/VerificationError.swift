public import Foundation

/// Evidence that a server's answer does not follow from what was trusted before.
///
/// Never retried, never to be overlooked: the trusted root must stay as it was. Two errors are
/// equal when their codes are; the message is for a person.
public struct VerificationError: LocalizedError, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// The leaf of the entry as it came differs from the leaf that the proof speaks of.
        case leafMismatch
        /// The entry is in the tree, but is not the one of the key that was asked for.
        case wrongKey
        /// The proof speaks of another index than the entry or the request.
        case wrongIndex
        /// The new tree is smaller than the trusted one.
        case treeShrank
        /// The proof has not the form that index and sizes demand: digests of a wrong length, too
        /// few, or too many.
        case malformedProof
        /// The path does not lead from the leaf to the root: the entry is not in this tree at this
        /// index.
        case inclusionFailed
        /// The new tree does not begin with the trusted one: history was changed.
        case consistencyFailed
        /// A receipt's root is not one of the server's history, which is as it was trusted: the
        /// receipt is wrong, not the server.
        case receiptRefuted
    }

    public var code: Code
    public var message: String
    /// The root, and the size of its tree, that was trusted before; it still is.
    public var trustedRoot: Digest?
    public var trustedSize: TreeSize?
    /// The root, and the size of its tree, that the server claims; not to be trusted.
    public var newRoot: Digest?
    public var newSize: TreeSize?
    /// The index of the entry in question.
    public var index: EntryIndex?
    /// The nodes of the proof that failed, lowest first; empty if it did not come to that.
    public var path: [Digest]
    /// Whether the server refused the call since its tree has less than is trusted: it says that it has
    /// stored nothing. After every other error of a verified write it has probably stored the entry.
    public package(set) var isRefusal = false
    /// The file that holds what proves it, if somebody has written one: set by code that catches this error
    /// and throws it on, as ImmudbClient does with a directory for evidence. Nothing here reads it.
    public var evidenceFile: String?

    public init(
        _ code: Code, _ message: String, trustedRoot: Digest? = nil, trustedSize: TreeSize? = nil,
        newRoot: Digest? = nil, newSize: TreeSize? = nil, index: EntryIndex? = nil,
        path: [Digest] = []
    ) {
        self.code = code
        self.message = message
        self.trustedRoot = trustedRoot
        self.trustedSize = trustedSize
        self.newRoot = newRoot
        self.newSize = newSize
        self.index = index
        self.path = path
    }

    public var description: String {
        var parts = ["verification failed: \(message)"]
        if let index { parts.append("entry \(index)") }
        parts += Self.describe("trusted", trustedRoot, trustedSize)
        parts += Self.describe("new", newRoot, newSize)
        if !path.isEmpty { parts.append("path of \(path.count) nodes") }
        if let evidenceFile { parts.append("evidence in \(evidenceFile)") }
        return parts.joined(separator: ", ")
    }

    /// The same as ``description``, which `localizedDescription` then is, too.
    public var errorDescription: String? { description }

    private static func describe(_ name: String, _ root: Digest?, _ size: TreeSize?) -> [String] {
        var parts: [String] = []
        if let root { parts.append("\(name) root \(root)") }
        if let size { parts.append("\(name) tree size \(size)") }
        return parts
    }

    public static func == (left: VerificationError, right: VerificationError) -> Bool {
        left.code == right.code
    }
}

extension Digest {
    /// A digest from outside.
    ///
    /// - Parameters:
    ///   - bytes: as they came.
    ///   - name: what it is, for the message.
    /// - Throws: code `.malformedProof` unless there are exactly 32 bytes: none is cut or filled
    ///   up.
    public init(received bytes: some Collection<UInt8>, as name: String) throws(VerificationError) {
        guard let digest = Digest(bytes) else {
            throw VerificationError(
                .malformedProof, "\(name) has \(bytes.count) bytes instead of \(Self.byteCount)")
        }
        self = digest
    }

    /// The nodes of a proof from outside, in their order.
    ///
    /// - Throws: code `.malformedProof` if one has not exactly 32 bytes.
    public static func path(
        received nodes: some Sequence<some Collection<UInt8>>
    ) throws(VerificationError) -> [Digest] {
        var path: [Digest] = []
        for node in nodes {
            path.append(try Digest(received: node, as: "node \(path.count) of a path"))
        }
        return path
    }

    // The same of arrays, which is what comes from the wire: without the cost of generic code that
    // other modules cannot specialize.

    public init(
        received bytes: [UInt8], as name: @autoclosure () -> String
    ) throws(VerificationError) {
        guard bytes.count == Self.byteCount else {
            throw VerificationError(
                .malformedProof, "\(name()) has \(bytes.count) bytes instead of \(Self.byteCount)")
        }
        self = bytes.withUnsafeBytes { Digest(loadingFrom: $0.baseAddress!) }
    }

    public static func path(received nodes: [[UInt8]]) throws(VerificationError) -> [Digest] {
        var path: [Digest] = []
        path.reserveCapacity(nodes.count)
        for node in nodes {
            path.append(try Digest(received: node, as: "node \(path.count) of a path"))
        }
        return path
    }
}
