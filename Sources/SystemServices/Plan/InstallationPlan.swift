import POSIX

/// The steps that install or upgrade a service: a pure function of the survey.
struct InstallationPlan: Hashable, Sendable {
    let steps: [Step]
    /// Notes about existing files that stay.
    let notes: [String]
    /// Whether it was installed before.
    let isUpgrade: Bool

    /// - Throws: `ServiceError` with all obstacles, or if there is nothing to do.
    init(
        _ service: ServiceDefinition, source: ExecutableSource, survey: Survey
    ) throws(ServiceError) {
        var draft = Draft(service: service, survey: survey)
        draft.checkForeignUnits()
        draft.checkFolder(service.dataFolder)
        draft.checkFolder(ServiceDefinition.logFolder)

        draft.addExecutable(source)
        draft.add(service.configurationFile, service.configuration, .configuration)
        draft.add(ServiceDefinition.accountFile, ServiceDefinition.accountText, .program)
        draft.add(service.unitFile, service.unitText, .program)
        draft.add(service.rotationFile, service.rotationText, .setting)
        draft.addManPage(source)

        guard draft.obstacles.isEmpty else {
            throw ServiceError(
                (["nothing was installed, since something is in the way:"] + draft.obstacles)
                    .joined(separator: "\n"))
        }
        isUpgrade = survey.record.complete.contains(service.name)
        guard !draft.fileSteps.isEmpty || !(isUpgrade || draft.isAllForeign) else {
            throw ServiceError("Service has already been installed")
        }
        notes = draft.notes
        steps =
            [.writeRecord(draft.record)] + draft.folderSteps + draft.fileSteps
            + draft.commands.map { .run($0) }
            + [.writeRecord(draft.record.completed(service.name))]
    }
}

/// A plan under construction.
private struct Draft {
    let service: ServiceDefinition
    let survey: Survey
    var record: InstallationRecord
    var folderSteps: [Step] = []
    var fileSteps: [Step] = []
    var notes: [String] = []
    var obstacles: [String] = []
    /// Whether all files of the service exist and none was made by this command.
    var isAllForeign = true

    init(service: ServiceDefinition, survey: Survey) {
        self.service = service
        self.survey = survey
        record = survey.record
        // The record's folders are created with it.
        for folder in missingFolders(above: ServiceDefinition.recordFile) {
            record.note(folder, .folder, for: service.name)
        }
    }

    var commands: [[String]] {
        let account = ["systemd-sysusers", ServiceDefinition.accountFile]
        return (survey.user == nil ? [account] : [])
            + [["systemctl", "daemon-reload"], ["systemctl", "enable", service.unit]]
    }

    // MARK: files

    mutating func add(_ path: String, _ content: String, _ kind: InstallationRecord.Item.Kind) {
        add(path, digest: .of(content), kind, step: .writeFile(path, content: content))
    }

    mutating func addExecutable(_ source: ExecutableSource) {
        let path = service.executable
        add(
            path, digest: source.digest, .program,
            step: .copyExecutable(from: source.path, digest: source.digest, to: path))
    }

    mutating func addManPage(_ source: ExecutableSource) {
        switch source.manPage {
        case .text(let text): add(service.manPage, text, .program)
        case .notMade:
            // It is unknown whether the same page exists already.
            if survey[service.manPage] == .missing {
                addFolders(above: service.manPage)
                fileSteps.append(.writeManPage(service.manPage, of: source.path))
            }
        case .none:
            notes.append("no man page: \(source.path) cannot be run here")
        }
    }

    private mutating func add(
        _ path: String, digest: Digest, _ kind: InstallationRecord.Item.Kind, step: Step
    ) {
        let item = survey.record[path]
        if item != nil { isAllForeign = false }
        switch survey[path] {
        case .missing:
            isAllForeign = false
            addFolders(above: path)
            record.note(path, kind, digest: digest, for: service.name)
            fileSteps.append(step)
        case .file(let found, let owner):
            guard survey.trustedOwners.contains(owner) || kind == .configuration else {
                obstacles.append(
                    "\(path) belongs to user \(owner): move it away, or make it root's (chown root)"
                )
                return
            }
            if let item, found == digest || (kind == .program && item.digests.contains(found)) {
                record.note(path, kind, digest: digest, for: service.name)
                if found != digest { fileSteps.append(step) }
            } else if found != digest {
                keep(path, kind, wasMade: item != nil)
            }
        case .folder: keep(path, kind, wasMade: false, what: "a folder")
        case .other(let what): keep(path, kind, wasMade: false, what: what)
        }
    }

    /// Keeps the file at a path: adds a note, or an obstacle if the service needs its own file.
    private mutating func keep(
        _ path: String, _ kind: InstallationRecord.Item.Kind, wasMade: Bool, what: String? = nil
    ) {
        if wasMade { record.note(path, kind, for: service.name) }
        switch (kind, what) {
        case (.configuration, _), (.setting, _):
            notes.append("\(path) is there already and stays as it is")
        case (_, let what?):
            obstacles.append("\(path) is \(what): move it away")
        case (_, nil) where wasMade:
            obstacles.append(
                "\(path) was changed since it was installed: move it away"
                    + (path == service.unitFile
                        ? ", and put your changes into a drop-in (systemctl edit \(service.name))"
                        : ""))
        case (_, nil):
            obstacles.append("\(path) was not made by this command: move it away")
        }
    }

    // MARK: folders

    private mutating func addFolders(above path: String) {
        for folder in missingFolders(above: path) {
            // The record's folders are created with it.
            let isRecords = ServiceDefinition.recordFile.hasPrefix(folder + "/")
            if !isRecords, !folderSteps.contains(.makeFolder(folder)) {
                folderSteps.append(.makeFolder(folder))
            }
            record.note(folder, .folder, for: service.name)
        }
        let folders = InstallationPlan.folders(above: path).filter { survey.record[$0] != nil }
        for folder in folders { record.note(folder, .folder, for: service.name) }
        for folder in InstallationPlan.folders(above: path) {
            switch survey[folder] {
            case .folder(let owner, _) where !survey.trustedOwners.contains(owner):
                obstacle("\(folder) belongs to user \(owner): make it root's (chown root)")
            case .file, .other: obstacle("\(folder) is no folder: move it away")
            default: break
            }
        }
    }

    private mutating func obstacle(_ text: String) {
        if !obstacles.contains(text) { obstacles.append(text) }
    }

    private func missingFolders(above path: String) -> [String] {
        InstallationPlan.folders(above: path).filter { survey[$0] == .missing }
    }

    // MARK: obstacles

    mutating func checkForeignUnits() {
        for path in service.foreignUnitFiles where survey[path] != .missing {
            obstacle(
                "\(path) is there: a package has installed \(service.name). Remove that, or use it as it is"
            )
            return
        }
    }

    /// Checks a folder that systemd will give to the service's user, with its contents.
    mutating func checkFolder(_ path: String) {
        switch survey[path] {
        case .missing: return
        case .file: obstacles.append("\(path) is a file: move it away")
        case .other(let what):
            obstacles.append(
                "\(path) is \(what): move it away, or mount what it leads to (mount --bind)")
        case .folder(let owner, let isEmpty):
            let isOurs =
                owner == survey.user || survey.isStandIn && survey.trustedOwners.contains(owner)
            if isOurs || isEmpty && survey.trustedOwners.contains(owner) { return }
            let user = ServiceDefinition.user
            obstacles.append(
                "\(path) belongs to user \(owner), and the service would run as \(user): move it away, or give it to the "
                    + "service (useradd --system \(user); chown -R \(user): \(path))")
        }
    }
}

extension InstallationPlan {
    /// Returns all paths of a survey; for parent folders, links are followed.
    static func places(of service: ServiceDefinition) -> [(path: String, isAbove: Bool)] {
        let files = [
            service.executable, service.configurationFile, ServiceDefinition.accountFile,
            service.unitFile, service.rotationFile, service.manPage, ServiceDefinition.recordFile,
        ]
        let above = Set(files.flatMap { folders(above: $0) }).sorted()
        let others = service.foreignUnitFiles + [service.dataFolder, ServiceDefinition.logFolder]
        return above.map { ($0, true) } + (files + others).map { ($0, false) }
    }

    /// Returns the parent folders of a path, outermost first, without the root.
    static func folders(above path: String) -> [String] {
        var folders: [String] = []
        var folder = parentFolder(of: path)
        while folder != "/" {
            folders.insert(folder, at: 0)
            folder = parentFolder(of: folder)
        }
        return folders
    }
}
