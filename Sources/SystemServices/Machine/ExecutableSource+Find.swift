import Foundation
import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Machine {
    /// Finds the program of a service, and says which one it is.
    ///
    /// - Parameters:
    ///   - localFile: its path; nil for the file beside this program.
    ///   - folder: the one that this program is in.
    /// - Throws: `ServiceError` if there is no such program.
    func executable(
        of service: ServiceDefinition, localFile: String?, beside folder: String,
        say: (String) -> Void
    ) throws(ServiceError) -> ExecutableSource {
        let path = localFile ?? "\(folder)/\(service.name)"
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_mode & 0o111 != 0
        else {
            throw ServiceError(
                "executable file does not exists or not provided: \(path). Give its path with --local-file"
            )
        }
        do {
            let digest = try MachineFiles.digest(ofFileAt: path)
            say(
                localFile == nil
                    ? "found an executable for the service \(service.name) on current dir"
                    : "using provided executable for the service \(service.name)")
            return ExecutableSource(path: MachineFiles.realPath(path) ?? path, digest: digest)
        } catch {
            throw ServiceError("\(path) cannot be read: \(error)")
        }
    }

    /// Asks a program for its man page. It is the page of the program's release: its date is that of the file.
    ///
    /// - Parameter path: of the page; its last name is the file's.
    /// - Returns: nil if it has none, or cannot be run here.
    func manPage(of program: String, named path: String) -> String? {
        var template = Array("\(temporaryFolder)/.immuadmin-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return nil }
        let folder = String(
            decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { try? FolderErasure.eraseWhole(folder) }
        var status = stat()
        guard stat(program, &status) == 0 else { return nil }
        #if canImport(Darwin)
            let seconds = status.st_mtimespec.tv_sec
        #else
            let seconds = status.st_mtim.tv_sec
        #endif
        guard
            let result = try? commands.run(
                [program, "mangen", folder], environment: ["SOURCE_DATE_EPOCH": "\(seconds)"]),
            result.exitCode == 0, let name = FilePath(path).lastComponent?.string
        else { return nil }
        return try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
    }
}
