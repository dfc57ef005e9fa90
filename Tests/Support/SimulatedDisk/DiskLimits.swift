/// What a disk, and the process that uses it, may have at most; nil: no limit.
public struct DiskLimits: Hashable, Sendable {
    /// The bytes that files may take, in whole pages of 4 KiB.
    public var byteCount: UInt64?
    /// The files and directories that there may be (inodes).
    public var fileCount: Int?
    /// The files that may be open at a time.
    public var descriptorCount: Int?

    public init(byteCount: UInt64? = nil, fileCount: Int? = nil, descriptorCount: Int? = nil) {
        self.byteCount = byteCount
        self.fileCount = fileCount
        self.descriptorCount = descriptorCount
    }
}
