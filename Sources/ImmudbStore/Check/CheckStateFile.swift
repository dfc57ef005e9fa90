import MerkleTree
import StorageIO

/// The file of a ``CheckState``, `check` in the database's folder. It is replaced as a whole.
struct CheckStateFile: Sendable {
    static let name = "check"
    /// The name of the new content until it is complete, which a crash may leave.
    static let draftName = "check.unfinished"
    /// More than any state has.
    private static let byteLimit = 4096

    let folder: String
    let fileSystem: any FileSystem
    let log: LogSink

    private var path: String { "\(folder)/\(Self.name)" }
    private var draftPath: String { "\(folder)/\(Self.draftName)" }

    /// Returns the state of a database of `size`; nil if there is no file, or one that is not to be believed, which is logged.
    func state(of identity: DatabaseIdentity, size: TreeSize) -> CheckState? {
        do throws(StoreError) {
            guard try fileSystem.exists(path) else { return nil }
            let file = try fileSystem.open(path, .readOnly)
            let bytes = try file.read(byteCount: Self.byteLimit, at: 0)
            if let state = CheckState(bytes, of: identity, size: size) { return state }
            log(
                .warning,
                "\(path) is damaged, or of another database: the self-check begins again")
        } catch {
            log(.warning, "\(error). The self-check begins again")
        }
        return nil
    }

    /// When it returns, the new content is durable; when it throws, the file has the old or the new content.
    func replace(by bytes: [UInt8]) throws(StoreError) {
        try fileSystem.removeFile(draftPath)
        do throws(StoreError) {
            let file = try fileSystem.open(draftPath, .createNew)
            try file.write(bytes, at: 0)
            try file.synchronize()
            try fileSystem.rename(draftPath, to: path)
        } catch {
            try? fileSystem.removeFile(draftPath)
            throw error
        }
        try fileSystem.synchronizeDirectory(folder)
    }
}
