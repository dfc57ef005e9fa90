public import SystemPackage

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Replaces a file as a whole. The new content is written to a draft beside it, which is then renamed: a reader finds
/// either the old content or all of the new. A draft that is not completed is removed.
///
/// All functions block, and throw `Errno`.
public final class FileDraft {
    private let path: String
    /// The path of the draft, which a process that is ended by a signal must remove.
    public let draftPath: String
    private let file: FileDescriptor
    private var isOpen = true
    private var isComplete = false

    /// Creates the draft, in the folder of `path`.
    ///
    /// - Parameters:
    ///   - suffix: the end of the draft's name; unique by default.
    ///   - takesOver: whether to overwrite a draft of the same name that a killed process has left. The
    ///     caller must then make sure that there is only one draft at a time.
    public init(
        of path: String, permissions: FilePermissions, suffix: String = FileDraft.uniqueSuffix(),
        takesOver: Bool = false
    ) throws {
        self.path = path
        draftPath = path + suffix
        file = try .opening(
            draftPath, .writeOnly, takesOver ? [.create, .truncate] : [.create, .exclusiveCreate],
            permissions: permissions)
    }

    /// Makes a suffix, for a caller that needs the draft's name before the file exists.
    public static func uniqueSuffix() -> String {
        let digits = String(UInt32.random(in: 0 ... .max), radix: 16)
        return "." + String(repeating: "0", count: 8 - digits.count) + digits + ".part"
    }

    deinit {
        close()
        if !isComplete { unlink(draftPath) }
    }

    /// Appends bytes.
    public func write(_ bytes: some Sequence<UInt8>) throws { try file.writeAll(bytes) }

    /// Replaces the file by the draft. When it returns, the new content is durable; when it throws, the file has the
    /// old or the new content, whole.
    public func replace() throws {
        try finish()
        guard rename(draftPath, path) == 0 else { throw Errno.last }
        isComplete = true
        try synchronizeFolder(parentFolder(of: path))
    }

    /// Replaces the file without the two waits for the disk that durability takes: after a power failure it may be
    /// empty, or have the old content.
    public func replaceUnsynchronized() throws {
        guard rename(draftPath, path) == 0 else { throw Errno.last }
        isComplete = true
    }

    /// Gives the draft its name, durably, unless a file of that name exists, which then stays.
    ///
    /// Some file systems have no links: there, if two processes do this at the same moment, the second one wins.
    public func createUnlessThere() throws {
        try finish()
        if link(draftPath, path) != 0, errno != EEXIST {
            let failure = Errno.last
            guard
                [.notPermitted, .notSupported, .notSupportedOnSocket, .noFunction].contains(failure)
            else { throw failure }
            guard rename(draftPath, path) == 0 else { throw Errno.last }
            isComplete = true
        }
        try synchronizeFolder(parentFolder(of: path))
    }

    private func finish() throws {
        try file.synchronize()
        close()
    }

    private func close() {
        guard isOpen else { return }
        isOpen = false
        try? file.close()
    }
}
