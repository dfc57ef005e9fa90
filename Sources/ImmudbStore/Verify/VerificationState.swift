import ImmudbModel
import MerkleTree
import StorageIO

/// The state of a check after a segment, from which a later check of the same folder can go on, in another process, too.
///
/// What was checked before is not read again, except for the key index, which is compared as a whole.
public struct VerificationState: Codable, Sendable {
    private static let format = 1

    private let format: Int
    private let identity: String
    /// The number of the next segment.
    let segment: UInt32
    private let size: UInt64
    private let peaks: [String]
    private let isAnchored: Bool
    private let provenSize: UInt64
    private let problems: ProblemLog
    private let hashKey: RecordHash.Key
    private let sums: [RecordSum]
    private let expectedRoot: String?
    private let rootAtExpectedSize: String?
    let byteCount: UInt64

    /// - Parameter byteCount: the bytes that were read until now.
    init(
        _ pass: LedgerPass.State, segment: UInt32, identity: DatabaseIdentity,
        expectedRoot: TrustedRoot?, byteCount: UInt64
    ) {
        format = Self.format
        self.identity = "\(identity)"
        self.segment = segment
        size = pass.tree.size.rawValue
        peaks = pass.tree.peaks.map(\.hex)
        isAnchored = pass.isAnchored
        provenSize = pass.provenSize
        problems = pass.log
        hashKey = pass.hashKey
        sums = pass.sums
        self.expectedRoot = expectedRoot?.text
        rootAtExpectedSize = pass.rootAtExpectedSize?.hex
        self.byteCount = byteCount
    }

    /// Returns the state of the pass, if it belongs to the folder and to the question.
    func passState(
        identity: DatabaseIdentity, segmentCount: Int, expectedRoot: TrustedRoot?
    ) -> LedgerPass.State? {
        let digests = peaks.compactMap { Digest(hex: $0) }
        guard format == Self.format, self.identity == "\(identity)",
            self.expectedRoot == expectedRoot?.text, Int(segment) < segmentCount,
            sums.count == Int(segment), let size = TreeSize(rawValue: size),
            digests.count == peaks.count, digests.count == size.peaks.count,
            provenSize <= size.rawValue
        else { return nil }
        var state = LedgerPass.State(hashKey: hashKey)
        state.tree = MerkleAccumulator(size: size, peaks: digests)
        state.isAnchored = isAnchored
        state.provenSize = provenSize
        state.log = problems
        state.sums = sums
        if let rootAtExpectedSize {
            guard let root = Digest(hex: rootAtExpectedSize) else { return nil }
            state.rootAtExpectedSize = root
        }
        return state
    }
}
