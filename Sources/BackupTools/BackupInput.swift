public import ImmudbBackup
public import ImmudbModel
import POSIX
import StorageIO

extension BackupReader {
    /// Reads a backup by its name on a command line: the path of a file, or `-` for the standard input.
    public init(named name: String) throws(StoreError) {
        guard name == "-" else {
            let files = POSIXFileSystem()
            guard try !files.exists(name) || files.isRegularFile(name) else {
                throw StoreError(
                    .io, "\(name) is not a file. What comes by a pipe is read by the name -")
            }
            try self.init(path: name)
            return
        }
        try self.init("the standard input") { buffer throws(StoreError) in
            var done = 0
            do {
                while done < buffer.count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                    let count = try FileDescriptor.standardInput.read(into: rest)
                    if count == 0 { break }
                    done += count
                }
            } catch {
                throw StoreError(.io, "cannot read the standard input: \(error)")
            }
            return done
        }
    }
}
