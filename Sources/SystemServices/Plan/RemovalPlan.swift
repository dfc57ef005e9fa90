import POSIX

/// The steps that remove a service: a pure function of the survey. Only files that an installation has created are
/// removed, unless they were changed since.
struct RemovalPlan: Hashable, Sendable {
    /// The files that are removed besides those of the installation.
    struct Extent: Hashable, Sendable {
        /// The config file and the logs.
        var removesFiles = false
        /// The data.
        var erasesData = false
    }

    let steps: [Step]
    /// Notes about files that stay.
    let notes: [String]

    /// - Throws: `ServiceError` if there is nothing to remove, or only files that this command has not made.
    init(
        _ service: ServiceDefinition, _ extent: Extent, survey: Survey
    ) throws(ServiceError) {
        let name = service.name
        let isLeftover = extent.removesFiles && survey.record[service.configurationFile] != nil
        guard !survey.record.items(of: name).isEmpty || isLeftover else {
            guard survey[service.unitFile] == .missing else {
                throw ServiceError(
                    "\(service.unitFile) was not made by this command: nothing was removed. To remove the service: "
                        + "systemctl disable --now \(name), then remove its files")
            }
            throw ServiceError("Service is not installed")
        }
        var draft = RemovalDraft(service: service, extent: extent, survey: survey)
        draft.takeItems()
        draft.takeWhatItWrote()
        notes = draft.notes
        steps = draft.steps + draft.lastSteps
    }
}

private struct RemovalDraft {
    let service: ServiceDefinition
    let extent: RemovalPlan.Extent
    let survey: Survey
    var steps: [Step] = []
    var notes: [String] = []
    /// The record after the removal.
    private var kept = InstallationRecord()
    private var folders: [String] = []

    init(service: ServiceDefinition, extent: RemovalPlan.Extent, survey: Survey) {
        self.service = service
        self.extent = extent
        self.survey = survey
        kept.complete = survey.record.complete.filter { $0 != service.name }
    }

    mutating func takeItems() {
        for item in survey.record.items {
            var item = item
            item.services.removeAll { $0 == service.name }
            let isLeftover = item.kind == .configuration && item.path != service.configurationFile
            if !item.services.isEmpty || isLeftover {
                kept.items.append(item)
            } else if item.kind == .folder {
                folders.append(item.path)
            } else {
                take(item)
            }
        }
        let user = ServiceDefinition.user
        if kept.complete.isEmpty, survey.user != nil {
            notes.append(
                "the user \(user) stays, since files may be its own (userdel \(user) removes it)")
        }
    }

    private mutating func take(_ item: InstallationRecord.Item) {
        let path = item.path
        let reload = Step.run(["systemctl", "daemon-reload"])
        guard survey[path] != .missing else {
            // An interrupted removal may have removed the file without telling systemd.
            if path == service.unitFile { steps.insert(reload, at: 0) }
            return
        }
        if item.kind == .configuration, !extent.removesFiles {
            kept.items.append(item)
            notes.append("\(path) stays (--remove-files removes it)")
            return
        }
        guard case .file(let found, _) = survey[path],
            item.digests.contains(found) || item.kind == .configuration
        else {
            notes.append("\(path) was changed since it was installed, and stays")
            // The service must not be started without its program.
            if path == service.unitFile {
                steps.insert(.run(["systemctl", "disable", "--now", service.unit]), at: 0)
            }
            return
        }
        if path == service.unitFile {
            steps.insert(.run(["systemctl", "disable", "--now", service.unit]), at: 0)
            steps.insert(.removeFile(path), at: 1)
            steps.insert(reload, at: 2)
        } else {
            steps.append(.removeFile(path))
        }
    }

    /// Adds the removal of logs and data, which the service itself has written.
    mutating func takeWhatItWrote() {
        let logs = ServiceDefinition.logFolder
        if case .folder = survey[logs] {
            if extent.removesFiles {
                steps += [.removeLogs(service.logFile), .removeFolder(logs)]
            } else {
                notes.append("logs stay in \(logs) (--remove-files removes them)")
            }
        }
        guard survey[service.dataFolder] != .missing else { return }
        guard extent.erasesData else {
            notes.append("data stays in \(service.dataFolder)")
            return
        }
        guard case .folder = survey[service.dataFolder] else {
            notes.append(
                "\(service.dataFolder) is no folder, and stays with the data that it leads to")
            return
        }
        steps.append(.eraseFolder(service.dataFolder))
    }

    /// The steps for folders and the record, which come last.
    var lastSteps: [Step] {
        let isRecordKept = kept.items.contains { $0.kind != .folder }
        let record = ServiceDefinition.recordFile
        let needed = kept.items.map(\.path) + (isRecordKept ? [record] : [])
        let isNeeded = { (folder: String) in needed.contains { $0.hasPrefix(folder + "/") } }
        var kept = kept
        for folder in folders where isNeeded(folder) {
            kept.items.append(.init(path: folder, kind: .folder, digests: [], services: []))
        }
        // Inner folders first.
        let unneeded = folders.filter { !isNeeded($0) }.sorted { $0.count > $1.count }
        let ofRecord = unneeded.filter { record.hasPrefix($0 + "/") }
        let others = unneeded.filter { !record.hasPrefix($0 + "/") }
        return others.map { .removeFolder($0) }
            + [isRecordKept ? .writeRecord(kept) : .removeRecord(folders: ofRecord)]
    }
}
