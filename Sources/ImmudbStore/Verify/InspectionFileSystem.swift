import StorageIO
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The file system below a check: it changes nothing, keeps to a rate, counts what is read, and ends with the check's
/// cancellation.
///
/// Where the disk cannot read a range, each page of it is read again, and what still cannot be read reads as zeros: so a
/// bad sector is a problem with a place, and not the end of the check.
final class InspectionFileSystem: FileSystem {
    private struct State {
        var byteCount: UInt64 = 0
        /// When the bytes read until now may have been read.
        var due: ContinuousClock.Instant?
        var unreadable: [VerificationProblem] = []
        var seen: Set<String> = []
        /// The first call that failed.
        var failure: StoreError?
    }

    /// After so many pages that cannot be read, a check ends.
    private static let unreadablePageLimit = 1_000

    private let base: any FileSystem
    private let options: VerificationOptions
    private let total: Atomic<UInt64>
    private let isEnded = Atomic(false)
    fileprivate let readAhead = ReadAhead()
    private let state = Mutex(State())

    init(_ options: VerificationOptions) {
        base = options.fileSystem
        self.options = options
        total = Atomic(0)
    }

    /// The bytes that were read.
    var byteCount: UInt64 { state.withLock { $0.byteCount } }

    /// Adds to the bytes that there are to read.
    func expect(_ byteCount: UInt64) { total.wrappingAdd(byteCount, ordering: .relaxed) }

    /// Returns the bytes that could not be read since the last call.
    ///
    /// - Parameter folder: a folder about whose files a later call asks.
    func takeUnreadable(except folder: String? = nil) -> [VerificationProblem] {
        state.withLock { state in
            let later = state.unreadable.filter { problem in
                folder.map { problem.file.hasPrefix("\($0)/") } ?? false
            }
            let taken = state.unreadable.filter { !later.contains($0) }
            state.unreadable = later
            return taken
        }
    }

    /// Lets every later read fail, so that a thread which still reads ends soon, and ends reading ahead.
    func end() {
        isEnded.store(true, ordering: .relaxed)
        readAhead.end()
    }

    static func sleep(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        var rest = timespec()
        while nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
    }

    // MARK: reading

    func open(_ path: String, _ mode: OpenMode) throws(StoreError) -> any StorageFile {
        guard mode == .readOnly else { throw refusal(path) }
        let file = try noting(path) { () throws(StoreError) in try base.open(path, .readOnly) }
        return InspectedFile(file, self)
    }

    func names(inDirectory path: String) throws(StoreError) -> [String] {
        try noting(path) { () throws(StoreError) in try base.names(inDirectory: path) }
    }

    func exists(_ path: String) throws(StoreError) -> Bool {
        try noting(path) { () throws(StoreError) in try base.exists(path) }
    }

    /// Notes the failure of a call. RocksDB takes some for damage of a file.
    fileprivate func noting<Value>(
        _ path: String, _ body: () throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        do throws(StoreError) {
            return try body()
        } catch {
            let isMissing = error.code == .io && (try? base.exists(path)) == false
            // Of damage the check tells itself.
            if !isMissing, error.code != .corruption {
                state.withLock { $0.failure = $0.failure ?? error }
            }
            throw error
        }
    }

    /// Throws the first failure of a call, other than that a file is missing.
    func checkFailure() throws(StoreError) {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    func freeSpace(at path: String) throws(StoreError) -> FreeSpace { try base.freeSpace(at: path) }

    func createDirectory(_ path: String) throws(StoreError) {
        if try !base.exists(path) { throw refusal(path) }
    }

    fileprivate func begin() throws(StoreError) {
        try options.cancellation?.check()
        if isEnded.load(ordering: .relaxed) {
            throw StoreError(.cancelled, "the check has ended already")
        }
    }

    fileprivate func note(_ count: Int) throws(StoreError) {
        let (done, due) = state.withLock { state in
            state.byteCount += UInt64(count)
            if let rate = options.bytesPerSecond {
                let now = ContinuousClock.now
                state.due =
                    max(state.due ?? now, now) + .seconds(Double(count) / Double(max(1, rate)))
            }
            return (state.byteCount, state.due)
        }
        options.progress(min(done, total.load(ordering: .relaxed)), total.load(ordering: .relaxed))
        guard let due else { return }
        var left = due - .now
        while left > .zero {
            let pause = min(left, .milliseconds(100))
            options.sleep(pause)
            try options.cancellation?.check()
            left -= pause
        }
    }

    /// Notes bytes that cannot be read.
    /// - Returns: false once there are so many that the disk as a whole fails.
    fileprivate func note(unreadable count: Int, of path: String, at offset: UInt64) -> Bool {
        state.withLock { state in
            guard state.seen.insert("\(offset) \(path)").inserted else { return true }
            state.unreadable.append(
                VerificationProblem(
                    .unreadable, path, at: offset,
                    "the disk cannot read these \(count) bytes. Replace it"))
            return state.seen.count <= Self.unreadablePageLimit
        }
    }

    // MARK: what a check must not do

    func removeFile(_ path: String) throws(StoreError) { throw refusal(path) }
    func rename(_ path: String, to newPath: String) throws(StoreError) { throw refusal(path) }
    func synchronizeDirectory(_ path: String) throws(StoreError) { throw refusal(path) }
    func lock(_ path: String) throws(StoreError) -> any FileLock { throw refusal(path) }

    private func refusal(_ path: String) -> StoreError { Self.refusal(path) }

    fileprivate static func refusal(_ path: String) -> StoreError {
        StoreError(.permissionDenied, "\(path) is only read: a check changes nothing")
    }
}

private final class InspectedFile: StorageFile {
    private static let pageByteCount = 4096

    private let base: any StorageFile
    private let owner: InspectionFileSystem

    init(_ base: any StorageFile, _ owner: InspectionFileSystem) {
        self.base = base
        self.owner = owner
    }

    var path: String { base.path }
    func noteNewPath(_ newPath: String) { base.noteNewPath(newPath) }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StoreError) -> Int {
        try owner.begin()
        let count: Int
        do throws(StoreError) {
            count = try base.read(into: buffer, at: offset)
        } catch {
            guard error.code == .io else { throw error }
            count = try owner.noting(path) { () throws(StoreError) in
                try readPages(into: buffer, at: offset, after: error)
            }
        }
        try owner.note(count)
        return count
    }

    func willRead(byteCount: Int, at offset: UInt64) {
        owner.readAhead.fetch(base, byteCount: byteCount, at: offset)
    }

    /// Reads page by page.
    /// - Throws: `failure` once very many pages could not be read: then it is not a few sectors.
    private func readPages(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, after failure: StoreError
    ) throws(StoreError) -> Int {
        let count = Int(min(UInt64(buffer.count), max(offset, try base.byteCount()) - offset))
        var place = 0
        while place < count {
            let start = offset + UInt64(place)
            let page = min(count - place, Self.pageByteCount - Int(start) % Self.pageByteCount)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[place..<place + page])
            do throws(StoreError) {
                _ = try base.read(into: part, at: start)
            } catch {
                guard error.code == .io else { throw error }
                _ = part.initializeMemory(as: UInt8.self, repeating: 0)
                guard owner.note(unreadable: page, of: path, at: start) else { throw failure }
            }
            place += page
        }
        return count
    }

    func byteCount() throws(StoreError) -> UInt64 {
        try owner.noting(path) { () throws(StoreError) in try base.byteCount() }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
        throw InspectionFileSystem.refusal(path)
    }
    func synchronizeData() throws(StoreError) { throw InspectionFileSystem.refusal(path) }
    func synchronize() throws(StoreError) { throw InspectionFileSystem.refusal(path) }
    func allocate(byteCount: UInt64) throws(StoreError) { throw InspectionFileSystem.refusal(path) }
    func truncate(to byteCount: UInt64) throws(StoreError) {
        throw InspectionFileSystem.refusal(path)
    }
}
