public import SystemPackage

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Replaces a file as a whole. The new content is written to a draft beside it, which then takes its
/// name: a reader finds the old content or all of the new. A draft that is not completed is removed.
///
/// Calls block. Each throws `Errno`, the reason of the system.
public final class FileDraft {
    private let path: String
    /// The path of the draft, which a process that is ended by a signal has to remove.
    public let draftPath: String
    private let file: FileDescriptor
    private var isOpen = true
    private var isComplete = false

    /// Creates the draft, in the folder of `path`.
    ///
    /// - Parameters:
    ///   - suffix: of the draft's name; the default is one that no other draft has.
    ///   - takesOver: whether a file of the draft's name is overwritten, which a process that was killed
    ///     has left. The caller then makes sure that there is one draft at a time.
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

    /// For a name that is to be known before there is the file.
    public static func uniqueSuffix() -> String {
        let digits = String(UInt32.random(in: 0 ... .max), radix: 16)
        return "." + String(repeating: "0", count: 8 - digits.count) + digits + ".part"
    }

    deinit {
        close()
        if !isComplete { unlink(draftPath) }
    }

    /// Adds bytes at the end.
    public func write(_ bytes: some Sequence<UInt8>) throws { try file.writeAll(bytes) }

    /// Puts the draft in the place of what has the path. When it returns, the new content is durable;
    /// when it throws, the old or the new one is there, whole.
    public func replace() throws {
        try finish()
        guard rename(draftPath, path) == 0 else { throw Errno.last }
        isComplete = true
        try synchronizeFolder(parentFolder(of: path))
    }

    /// The same for a file that is worth less than two waits for the disk: after a loss of power it
    /// may be empty, or the old one.
    public func replaceUnsynchronized() throws {
        guard rename(draftPath, path) == 0 else { throw Errno.last }
        isComplete = true
    }

    /// Gives the draft its name, durably, unless there is a file already, which then stays.
    ///
    /// Some file systems have no links: there, of two processes that do this at the same moment, the
    /// second one wins.
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
