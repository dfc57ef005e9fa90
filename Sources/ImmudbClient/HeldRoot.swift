import ImmudbVerification
import POSIX

/// A root with the file from which it was read, which stays open: so its number is given to no other file, and the path
/// can be looked up without the disk.
final class HeldRoot: Sendable {
    let root: TrustedRoot
    private let path: String
    private let file: FileDescriptor
    /// nil: the file has to be read each time, for example because it is on another machine, whose changes are seen late.
    private let stamp: FileStamp?

    /// - Parameter file: is closed with this object.
    init(_ root: TrustedRoot, _ path: String, _ file: FileDescriptor, _ stamp: FileStamp?) {
        self.root = root
        self.path = path
        self.file = file
        self.stamp = stamp
    }

    deinit { try? file.close() }

    /// Whether a look at the path shows if the file has changed.
    var canBeCompared: Bool { stamp != nil }

    /// Whether the path still names this file, unchanged. Costs one system call, which does not wait for the disk.
    var isUnchanged: Bool {
        guard let stamp else { return false }
        return FileStamp(at: path) == stamp
    }
}
