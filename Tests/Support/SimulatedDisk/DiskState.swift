import StorageIO
import TestTools

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The state of a simulated disk, as a value. A copy shares its pages until one side writes.
struct DiskState: Sendable {
    var options: SimulatedDisk.Options
    var limits: DiskLimits
    var inodes: [Int: Inode] = [:]
    var names = NameTree()
    var trace: CallTrace
    var faults = FaultPlan()
    /// The number of the last call that is carried out.
    var lastCallNumber: Int?
    var random: SplitMix64
    private(set) var descriptorCount = 0
    private(set) var lockedInodes: Set<Int> = []
    private(set) var usedPageCount = 0
    /// The number of files and directories, without the root.
    private(set) var usedFileCount = 0
    private var nextInode = NameTree.root + 1
    /// The number of inodes without a live name, which are dropped with their last durable one.
    private var unlinkedCount = 0

    init(seed: UInt64, limits: DiskLimits, options: SimulatedDisk.Options) {
        self.options = options
        self.limits = limits
        random = SplitMix64(seed: seed)
        trace = CallTrace(capacity: options.traceCapacity)
    }

    // MARK: calls

    /// Numbers a call, and refuses it if the disk has stopped.
    ///
    /// - Returns: the error that the fault plan has for it.
    mutating func begin(
        _ kind: CallKind, _ path: String, newPath: String? = nil, offset: UInt64? = nil,
        byteCount: Int? = nil
    ) throws(StoreError) -> Int32? {
        if let lastCallNumber, trace.count >= lastCallNumber {
            throw StoreError(
                .io,
                "the simulated disk stopped after call \(trace.count); "
                    + "\(kind.rawValue) \(path) is not carried out")
        }
        let call = DiskCall(
            number: trace.count + 1, kind: kind, path: path, newPath: newPath, offset: offset,
            byteCount: byteCount, failure: nil)
        trace.add(call)
        return faults.error(for: call)
    }

    /// Returns the error of the current call, with the message of `POSIXFileSystem`.
    mutating func failure(_ what: String, _ path: String, _ number: Int32) -> StoreError {
        trace.setFailure(number)
        return .system(what, path, number)
    }

    /// Runs `body`, and gives its error the message of `POSIXFileSystem`.
    mutating func naming<Result>(
        _ what: String, _ path: String,
        _ body: (inout DiskState) throws(SystemError) -> Result
    ) throws(StoreError) -> Result {
        do throws(SystemError) {
            return try body(&self)
        } catch {
            throw failure(what, path, error.number)
        }
    }

    // MARK: limits

    var freePageCount: Int {
        guard let byteCount = limits.byteCount else { return .max }
        return max(0, Int(byteCount) / PagedBytes.pageByteCount - usedPageCount)
    }

    var freeFileCount: Int? { limits.fileCount.map { max(0, $0 - usedFileCount) } }

    func checkFreeFile() throws(SystemError) {
        if freeFileCount == 0 { throw SystemError(number: ENOSPC) }
    }

    func checkFreeDescriptor() throws(SystemError) {
        if let limit = limits.descriptorCount, descriptorCount >= limit {
            throw SystemError(number: EMFILE)
        }
    }

    // MARK: inodes

    mutating func addFile(_ entry: NameTree.Entry) -> Int {
        let inode = takeInode()
        inodes[inode] = Inode()
        names.change(.link(entry, .file(inode)), number: trace.count)
        return inode
    }

    mutating func addDirectory(_ entry: NameTree.Entry) {
        names.addDirectory(entry, inode: takeInode(), number: trace.count)
    }

    private mutating func takeInode() -> Int {
        defer { nextInode += 1 }
        usedFileCount += 1
        return nextInode
    }

    mutating func open(_ inode: Int) {
        inodes[inode]?.openCount += 1
        descriptorCount += 1
    }

    mutating func close(_ inode: Int) {
        descriptorCount -= 1
        inodes[inode]?.openCount -= 1
        releaseIfUnused(inode)
    }

    mutating func lock(_ inode: Int) -> Bool { lockedInodes.insert(inode).inserted }

    mutating func unlock(_ inode: Int) { lockedInodes.remove(inode) }

    /// Removes a file's live name. Its space becomes free once no process has it open.
    mutating func unlinked(_ inode: Int) {
        inodes[inode]?.isLinked = false
        unlinkedCount += 1
        releaseIfUnused(inode)
    }

    private mutating func releaseIfUnused(_ inode: Int) {
        guard let file = inodes[inode], !file.isLinked, file.openCount == 0 else { return }
        usedPageCount -= file.live.allocatedPageCount
        usedFileCount -= 1
    }

    /// Drops the inodes to which no name, open file or pending change leads.
    mutating func forgetUnreachable() {
        guard unlinkedCount > 0 else { return }
        let reachable = names.inodes
        inodes = inodes.filter { $0.value.openCount > 0 || reachable.contains($0.key) }
        unlinkedCount = inodes.values.count { !$0.isLinked }
    }

    /// Changes a file, and updates the count of used space.
    mutating func change(_ inode: Int, _ body: (inout Inode) -> Void) {
        guard let index = inodes.index(forKey: inode) else { return }
        let before = inodes.values[index].live.allocatedPageCount
        body(&inodes.values[index])
        usedPageCount += inodes.values[index].live.allocatedPageCount - before
    }

    mutating func apply(_ change: FileImage.Change, to inode: Int) {
        let number = trace.count
        self.change(inode) { $0.apply(change, number: number) }
    }

    // MARK: after a stop

    /// Returns the disk after the process was killed: the page cache is kept, and all files are
    /// closed.
    func afterKill() -> DiskState {
        var state = DiskState(seed: nextSeed, limits: limits, options: options)
        state.names = names
        let reached = names.inodes
        state.adopt(inodes.filter { reached.contains($0.key) }, self)
        return state
    }

    func afterCrash(_ policy: CrashPolicy) -> DiskState {
        var state = DiskState(seed: nextSeed, limits: limits, options: options)
        var crash = Crash(policy, self)
        state.names = names.afterCrash(journalEnd: crash.journalEnd)
        var kept: [Int: Inode] = [:]
        // In order, so that a seed draws the same sample for the same file.
        for inode in state.names.inodes.sorted() {
            if let file = inodes[inode] { kept[inode] = Inode(crash.image(of: file)) }
        }
        state.adopt(kept, self)
        return state
    }

    /// Returns an independent copy: same calls, faults and limits, no open files.
    func copy() -> DiskState {
        var state = afterKill()
        state.trace = trace
        state.faults = faults
        state.lastCallNumber = lastCallNumber
        state.random = random
        return state
    }

    private mutating func adopt(_ files: [Int: Inode], _ old: DiskState) {
        nextInode = old.nextInode
        inodes = files.mapValues { file in
            var file = file
            file.openCount = 0
            return file
        }
        let linked = inodes.values.filter(\.isLinked)
        unlinkedCount = inodes.count - linked.count
        usedPageCount = linked.reduce(0) { $0 + $1.live.allocatedPageCount }
        usedFileCount = linked.count + names.directories.count - 1
    }

    private var nextSeed: UInt64 {
        var random = random
        return random.next()
    }
}
