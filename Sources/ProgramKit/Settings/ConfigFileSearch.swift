import Foundation
import POSIX

/// The config file of a program: the one that the user names, else the first one that is found.
///
/// The search covers files with the program's name and one of the known ends, in `./configs`,
/// `$GOPATH/src/configs`, `/etc/immudb` and `$HOME`. It skips HCL files.
public struct ConfigFileSearch: Sendable {
    /// nil if no file was named or found.
    public let file: ConfigFile?
    /// A sentence for each folder that could not be searched.
    public let warnings: [String]

    /// - Parameters:
    ///   - name: the path that the operator gave; nil or empty if none was given.
    ///   - systemFolder: for tests.
    /// - Throws: `SettingsError` if the file, found or named, cannot be used.
    public init(
        _ name: String?, orFoundFor program: String, environment: [String: String],
        systemFolder: String = "/etc/immudb"
    ) throws(SettingsError) {
        if let name, !name.isEmpty {
            self.init(file: try ConfigFile.read(name))
            return
        }
        var warnings: [String] = []
        for folder in Self.folders(environment, systemFolder: systemFolder) {
            switch Self.look(for: program, in: folder) {
            case .found(let path):
                self.init(file: try ConfigFile.read(path), warnings: warnings)
                return
            case .unreadable(let reason):
                warnings.append(
                    "config files of \(folder) have no effect: it cannot be searched: \(reason)")
            case .nothing:
                continue
            }
        }
        self.init(file: nil, warnings: warnings)
    }

    init(file: ConfigFile?, warnings: [String] = []) {
        self.file = file
        self.warnings = warnings
    }

    private static func folders(
        _ environment: [String: String], systemFolder: String
    ) -> [String] {
        var folders = [FileManager.default.currentDirectoryPath + "/configs"]
        if let path = environment["GOPATH"], !path.isEmpty { folders.append(path + "/src/configs") }
        folders.append(systemFolder)
        if let home = environment["HOME"], !home.isEmpty { folders.append(home) }
        return folders
    }

    private enum Outcome {
        case found(String)
        case nothing
        case unreadable(String)
    }

    /// Looks for a file. Anything of that name counts as found: reading it reports what is wrong
    /// with it.
    private static func look(for program: String, in folder: String) -> Outcome {
        for end in ConfigFile.extensions {
            let path = folder + (folder.hasSuffix("/") ? "" : "/") + "\(program).\(end)"
            var status = stat()
            if lstat(path, &status) == 0 { return .found(path) }
            let reason = errno
            guard reason != ENOENT, reason != ENOTDIR else { continue }
            return .unreadable("\(Errno(rawValue: reason))")
        }
        return .nothing
    }
}
