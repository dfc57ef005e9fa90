import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The machine on which services are installed, or a folder that stands in for it: one that becomes an image, or one
/// of a test.
public struct Machine: Sendable {
    let files: MachineFiles
    let commands: any CommandRunning
    /// Whether systemd runs the machine's services.
    let hasSystemd: Bool
    private let root: String

    /// - Parameter root: the folder that stands in for the machine; empty for this machine.
    /// - Throws: `ServiceError` if the folder does not exist.
    public init(root: String = "") throws(ServiceError) {
        var real = ""
        if !root.isEmpty {
            guard isFolder(root), let path = MachineFiles.realPath(root) else {
                throw ServiceError("--root \(root) is no folder: make it, or name another one")
            }
            // This is the machine itself, by another name.
            real = path == "/" ? "" : path
        }
        self.init(
            root: real, commands: SystemCommands(), hasSystemd: isFolder("/run/systemd/system"))
    }

    init(root: String, commands: any CommandRunning, hasSystemd: Bool, isStandIn: Bool? = nil) {
        self.root = root
        files = MachineFiles(root: root)
        self.commands = commands
        self.hasSystemd = hasSystemd
        self.isStandIn = isStandIn ?? !root.isEmpty
    }

    /// The folder of temporary files; inside of the folder that stands in for the machine, if there
    /// is one.
    var temporaryFolder: String { root.isEmpty ? "/tmp" : root }

    /// Whether a folder stands in for the machine: it has no users, and runs nothing.
    let isStandIn: Bool

    /// Surveys all paths that a service's installation or removal concerns.
    func survey(of service: ServiceDefinition) throws(ServiceError) -> Survey {
        var survey = Survey()
        survey.isStandIn = isStandIn
        survey.trustedOwners = root.isEmpty ? [0] : [0, geteuid()]
        survey.user = isStandIn ? nil : getpwnam(ServiceDefinition.user)?.pointee.pw_uid
        for place in InstallationPlan.places(of: service) {
            survey.places[place.path] = files.place(at: place.path, followsLinks: place.isAbove)
        }
        if let text = try files.text(of: ServiceDefinition.recordFile) {
            survey.record = try InstallationRecord(text: text)
        }
        return survey
    }

    /// - Throws: `ServiceError` if systemd does not run here.
    func requireSystemd() throws(ServiceError) {
        guard isStandIn || hasSystemd else {
            throw ServiceError(
                "this machine does not run systemd: there is no /run/systemd/system. --print shows what would be done, "
                    + "with the files; --root <folder> installs into a folder that becomes a machine"
            )
        }
    }

    /// - Throws: `ServiceError` if the process is not root's.
    func requireRoot() throws(ServiceError) {
        guard isStandIn || geteuid() == 0 else {
            throw ServiceError(
                "you must have root user privileges. Possibly using 'sudo' command should help")
        }
    }
}
