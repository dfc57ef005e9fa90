import Synchronization

// The controls of a test over a disk. They do not count as calls.
extension SimulatedDisk {
    // MARK: stopping

    /// Carries out call `number` and refuses every later one with an error of code `io`.
    ///
    /// ``killed()`` or ``crashed(_:)`` start the disk again.
    public func stop(afterCall number: Int) {
        state.withLock { $0.lastCallNumber = number }
    }

    /// Stops the disk now.
    public func stop() {
        state.withLock { $0.lastCallNumber = $0.trace.count }
    }

    public var isStopped: Bool {
        state.withLock { $0.trace.count >= $0.lastCallNumber ?? .max }
    }

    /// Returns the disk as the next process finds it after this one is killed: the live image, of
    /// which the same part is durable as before. Locks are free, limits stay, faults are gone.
    public func killed() -> SimulatedDisk {
        SimulatedDisk(state.withLock { $0.afterKill() })
    }

    /// Returns the disk as the next process finds it after a power failure. Locks are free, limits
    /// stay, faults are gone.
    public func crashed(_ policy: CrashPolicy) -> SimulatedDisk {
        SimulatedDisk(state.withLock { $0.afterCrash(policy) })
    }

    /// Returns a disk in the same state, including faults and trace, with no file open.
    ///
    /// Files that are open on this disk stay with it. Cost: one step for each file.
    public func copy() -> SimulatedDisk {
        SimulatedDisk(state.withLock { $0.copy() })
    }

    /// The newest write that no sync has made durable, for ``CrashPolicy/tearingLastWrite``.
    public var lastUnsynchronizedWrite: (callNumber: Int, offset: Int, byteCount: Int)? {
        state.withLock { state in
            state.lastPendingWrite.map { ($0.number, $0.offset, $0.byteCount) }
        }
    }

    // MARK: failing

    /// Adds a fault.
    public func fail(_ fault: DiskFault) {
        state.withLock { $0.faults.faults.append(fault) }
    }

    /// Adds a fault: the call or calls at `place` fail with `error`, `times` times, or until
    /// ``heal()`` if `times` is nil.
    public func fail(_ place: DiskFault.Place, error: Int32, times: Int? = 1) {
        fail(DiskFault(place, error: error, times: times))
    }

    /// Removes all faults. Their effects stay.
    public func heal() {
        state.withLock { $0.faults.faults = [] }
    }

    /// The limits. A change takes effect with the next call.
    public var limits: DiskLimits {
        get { state.withLock { $0.limits } }
        set { state.withLock { $0.limits = newValue } }
    }

    // MARK: looking

    /// The number of calls so far.
    public var callCount: Int { state.withLock { $0.trace.count } }

    public func callCount(of kind: CallKind) -> Int {
        state.withLock { $0.faults.count(of: kind) }
    }

    /// The newest calls, oldest first, at most ``Options/traceCapacity`` of them.
    public var calls: [DiskCall] { state.withLock { $0.trace.calls } }

    /// Every file with its length, ordered by path.
    public var files: [(path: String, byteCount: Int)] {
        state.withLock { state in
            state.names.files.map { ($0.path, state.inodes[$0.inode]?.live.byteCount ?? 0) }
        }
    }

    public var openFileCount: Int { state.withLock { $0.descriptorCount } }

    /// Returns the bytes that running code sees, or nil if the file does not exist.
    public func bytes(of path: String) -> [UInt8]? {
        state.withLock { $0.file(path)?.live.allBytes }
    }

    /// Returns the bytes that survive a power failure if the name does, or nil if the file does not
    /// exist.
    public func durableBytes(of path: String) -> [UInt8]? {
        state.withLock { $0.file(path)?.durable.allBytes }
    }

    // MARK: damaging

    /// Flips one bit of a file, in the live and in the durable image.
    ///
    /// - Returns: false if the file does not exist, or ends before.
    @discardableResult
    public func flip(_ path: String, byte: Int, bit: Int) -> Bool {
        state.withLock { state in
            guard case .file(let inode) = (try? state.names.node(path)) ?? nil,
                let file = state.inodes[inode], byte < file.live.byteCount
            else { return false }
            state.change(inode) { $0.flip(byte: byte, bit: bit) }
            return true
        }
    }

    /// Replaces the bytes of a file durably. Creates the file if it does not exist.
    ///
    /// - Returns: false if the directory does not exist.
    @discardableResult
    public func replace(_ path: String, with bytes: [UInt8]) -> Bool {
        state.withLock { state in
            var inode: Int
            switch (try? state.names.node(path)) ?? nil {
            case .file(let found): inode = found
            case .directory: return false
            case nil:
                guard let entry = try? state.names.entry(path) else { return false }
                inode = state.addFile(entry)
                state.names.synchronize(entry.directory)
            }
            state.apply(.truncate(to: 0), to: inode)
            state.apply(.write(offset: 0, bytes: bytes), to: inode)
            state.change(inode) { $0.synchronize() }
            return true
        }
    }

    // MARK: description

    /// The files and the newest calls, for the message of a failing test.
    public var description: String {
        let files = files.map { "  \($0.path): \($0.byteCount) bytes" }
        let calls = calls.map { "  \($0)" }
        return
            (["simulated disk, \(callCount) calls\(isStopped ? ", stopped" : "")"] + files
            + ["newest calls:"] + calls).joined(separator: "\n")
    }
}

extension DiskState {
    fileprivate mutating func file(_ path: String) -> Inode? {
        guard case .file(let inode) = (try? names.node(path)) ?? nil else { return nil }
        return inodes[inode]
    }
}
