/// The limits of a disk, and of the process that uses it. nil means no limit.
public struct DiskLimits: Hashable, Sendable {
    /// The bytes that files may take, in whole pages of 4 KiB.
    public var byteCount: UInt64?
    /// The number of files and directories (inodes).
    public var fileCount: Int?
    /// The number of files that may be open at a time.
    public var descriptorCount: Int?

    public init(byteCount: UInt64? = nil, fileCount: Int? = nil, descriptorCount: Int? = nil) {
        self.byteCount = byteCount
        self.fileCount = fileCount
        self.descriptorCount = descriptorCount
    }
}
