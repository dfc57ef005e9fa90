/// Calls that fail with an error of the operating system.
///
/// A fault affects only calls that can fail with its error: see ``CallKind/possibleErrors``. So a
/// disk with ENOSPC from call 7 on can still be read.
public struct DiskFault: Sendable {
    public enum Place: Sendable {
        /// The call with this number, and those after it.
        case call(Int)
        /// The n-th call of a kind, from 1, and the later ones of that kind.
        case kind(CallKind, number: Int = 1)
        /// The calls for which this returns true. It runs under the disk's lock, so it must not
        /// call the disk.
        case matching(@Sendable (DiskCall) -> Bool)
    }

    public var place: Place
    public var error: Int32
    /// The number of calls that fail, or nil for all until ``SimulatedDisk/heal()``.
    public var times: Int?

    public init(_ place: Place, error: Int32, times: Int? = 1) {
        self.place = place
        self.error = error
        self.times = times
    }
}

/// The pending faults, and the number of calls of each kind so far, by which they count.
struct FaultPlan: Sendable {
    var faults: [DiskFault] = []
    private var counts: [Int] = Array(repeating: 0, count: CallKind.allCases.count)

    func count(of kind: CallKind) -> Int { counts[kind.place] }

    /// Counts the call.
    ///
    /// - Returns: the error with which it fails.
    mutating func error(for call: DiskCall) -> Int32? {
        counts[call.kind.place] += 1
        guard !faults.isEmpty else { return nil }
        for place in faults.indices where meets(faults[place], call) {
            if let times = faults[place].times {
                if times == 0 { continue }
                faults[place].times = times - 1
            }
            return faults[place].error
        }
        return nil
    }

    private func meets(_ fault: DiskFault, _ call: DiskCall) -> Bool {
        guard call.kind.possibleErrors.contains(fault.error) else { return false }
        return switch fault.place {
        // A fault with one failure affects this call or none.
        case .call(let number): fault.times == 1 ? call.number == number : call.number >= number
        case .kind(let kind, let number): call.kind == kind && counts[kind.place] >= number
        case .matching(let matches): matches(call)
        }
    }
}

extension CallKind {
    /// The place of the kind among all kinds.
    fileprivate var place: Int {
        switch self {
        case .open: 0
        case .createNew: 1
        case .names: 2
        case .createDirectory: 3
        case .exists: 4
        case .removeFile: 5
        case .rename: 6
        case .synchronizeDirectory: 7
        case .freeSpace: 8
        case .lock: 9
        case .read: 10
        case .write: 11
        case .synchronizeData: 12
        case .synchronize: 13
        case .allocate: 14
        case .byteCount: 15
        case .truncate: 16
        }
    }
}
