public import SystemPackage

#if canImport(Darwin)
    import Darwin
#else
    import CStatfs
    import Glibc
#endif

/// The file system's own record of a file: its number, its size, and the times of its last changes.
///
/// A path whose stamp is that of a file which is still open names that file, since the file system gives its number to no
/// other file until it is closed. Every change of the content changes the times; but two changes within one tick of the
/// kernel's clock (at most 10 ms) can have the same time.
public struct FileStamp: Equatable, Sendable {
    private let device: UInt64
    private let number: UInt64
    private let byteCount: Int64
    private let modified: Time
    private let changed: Time

    private struct Time: Equatable, Sendable {
        let seconds: Int
        let nanoseconds: Int

        init(_ time: timespec) {
            seconds = time.tv_sec
            nanoseconds = time.tv_nsec
        }
    }

    private init(_ status: stat) {
        device = UInt64(truncatingIfNeeded: status.st_dev)
        number = UInt64(truncatingIfNeeded: status.st_ino)
        byteCount = Int64(status.st_size)
        #if canImport(Darwin)
            modified = Time(status.st_mtimespec)
            changed = Time(status.st_ctimespec)
        #else
            modified = Time(status.st_mtim)
            changed = Time(status.st_ctim)
        #endif
    }

    /// Makes the stamp of the file that a path names now, by one system call. Links are followed.
    ///
    /// - Returns: nil if there is no such file, or it cannot be looked up.
    public init?(at path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Makes the stamp of an open file.
    ///
    /// - Throws: `Errno`.
    public init(of file: FileDescriptor) throws(Errno) {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw .last }
        self.init(status)
    }
}

/// Returns whether an open file is on a file system of this machine, where a change that another process has made is
/// visible at once, and looking up a file that is open does not wait. Returns false for file systems that are unknown here.
public func isOnLocalFileSystem(_ file: FileDescriptor) -> Bool {
    var status = statfs()
    guard fstatfs(file.rawValue, &status) == 0 else { return false }
    #if canImport(Darwin)
        return status.f_flags & UInt32(MNT_LOCAL) != 0
    #else
        return localFileSystems.contains(UInt32(truncatingIfNeeded: status.f_type))
    #endif
}

#if !canImport(Darwin)
    /// The numbers by which Linux identifies them (`linux/magic.h`).
    private let localFileSystems: Set<UInt32> = [
        0x0000_ef53,  // ext2, ext3, ext4
        0x5846_5342,  // XFS
        0x9123_683e,  // Btrfs
        0xf2f5_2010,  // F2FS
        0x2fc1_2fc1,  // ZFS
        0x0102_1994,  // tmpfs
        0x794c_7630,  // overlayfs, of containers
    ]
#endif
