import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Machine {
    /// Finds the program of a service, and prints its path.
    ///
    /// - Parameters:
    ///   - localFile: its path; nil for the file beside this program.
    ///   - folder: the folder of this program.
    /// - Throws: `ServiceError` if there is no such program.
    func executable(
        of service: ServiceDefinition, localFile: String?, beside folder: String,
        say: (String) -> Void
    ) throws(ServiceError) -> ExecutableSource {
        let path = localFile ?? "\(folder)/\(service.program)"
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

    private static let maxPageByteCount = 1 << 20
    private static let pageTime = Duration.seconds(10)
    private static let nobody: UInt32 = 65_534

    /// Runs a program to get its man page, which belongs to the program's release: its date is that of the file.
    ///
    /// The program is not yet trusted as a service, so root does not run it: the user `nobody` runs a copy, in a
    /// separate folder.
    ///
    /// - Parameter path: the path of the page; its last component is the file's name.
    /// - Returns: nil if the program has no page, or cannot be run here.
    func manPage(of source: ExecutableSource, named path: String) -> String? {
        guard let folder = makeTemporaryFolder() else { return nil }
        defer { try? FolderErasure.eraseWhole(folder) }
        let copy = folder + "/program"
        var status = stat()
        guard stat(source.path, &status) == 0, let name = FilePath(path).lastComponent?.string,
            (try? MachineFiles.copy(source.path, to: copy)) == source.digest
        else { return nil }
        #if canImport(Darwin)
            let seconds = status.st_mtimespec.tv_sec
        #else
            let seconds = status.st_mtim.tv_sec
        #endif
        var words = [copy, "mangen", folder]
        if geteuid() == 0 {
            guard chown(folder, Self.nobody, Self.nobody) == 0 else { return nil }
            words =
                [
                    "setpriv", "--reuid=\(Self.nobody)", "--regid=\(Self.nobody)", "--clear-groups",
                    "--no-new-privs", "--",
                ] + words
        }
        let result = try? commands.run(
            words, environment: ["SOURCE_DATE_EPOCH": "\(seconds)"], limit: Self.pageTime)
        guard result?.exitCode == 0,
            // Does not follow a link, whose target `nobody` may not be allowed to read.
            let page = try? FileDescriptor.opening(
                "\(folder)/\(name)", .readOnly, [.noFollow, .nonBlocking])
        else { return nil }
        return try? page.closeAfter {
            String(decoding: try page.bytes(upTo: Self.maxPageByteCount), as: UTF8.self)
        }
    }

    private func makeTemporaryFolder() -> String? {
        var template = Array("\(temporaryFolder)/.immuadmin-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return nil }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
