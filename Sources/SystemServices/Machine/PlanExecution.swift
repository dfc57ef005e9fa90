import POSIX

/// Carries out a plan step by step, and prints each step.
struct PlanExecution {
    let machine: Machine
    let say: (String) -> Void
    /// The advice after a failure.
    var advice = ""
    /// Called before each step, with its position.
    var beforeStep: (Int) throws(ServiceError) -> Void = { _ throws(ServiceError) in }

    /// - Throws: `ServiceError` that names the completed and the failed steps.
    func carryOut(_ steps: [Step]) throws(ServiceError) {
        for (position, step) in steps.enumerated() {
            do throws(ServiceError) {
                try beforeStep(position)
                try carryOut(step)
            } catch {
                throw ServiceError(report(of: error, at: position, in: steps))
            }
        }
    }

    private func report(of error: ServiceError, at position: Int, in steps: [Step]) -> String {
        let left = steps[position...].map {
            "    " + ($0.description.split(separator: "\n").first ?? "")
        }
        return """
            \(error.message)
            done: \(position) of \(steps.count) steps. Not done:
            \(left.joined(separator: "\n").replacing(":\n", with: "\n"))
            \(advice)
            """
    }

    private func carryOut(_ step: Step) throws(ServiceError) {
        if case .run(let words) = step { return try run(words) }
        say(step.announcement)
        try HeldSignals.during { () throws(ServiceError) in try change(machine.files, step) }
    }

    private func change(_ files: MachineFiles, _ step: Step) throws(ServiceError) {
        switch step {
        case .makeFolder(let path): try files.makeFolder(path)
        case .writeFile(let path, let content): try files.write(content, to: path)
        case .copyExecutable(let source, let digest, let path):
            try files.copyExecutable(from: source, digest, to: path)
        case .writeRecord(let record): try write(record)
        case .removeFile(let path): try files.removeFile(path)
        case .removeLogs(let path): try files.removeLogs(path)
        case .eraseFolder(let path): try files.eraseFolder(path)
        case .removeFolder(let path): try files.removeFolder(path)
        case .removeRecord(let folders):
            try files.removeFile(ServiceDefinition.recordFile)
            for folder in folders { try files.removeFolder(folder) }
        case .writeManPage, .run: preconditionFailure("no step of files: \(step.announcement)")
        }
    }

    /// Creates the record's folders together with the record, which lists them.
    private func write(_ record: InstallationRecord) throws(ServiceError) {
        let path = ServiceDefinition.recordFile
        var made: [String] = []
        do throws(ServiceError) {
            for folder in InstallationPlan.folders(above: path)
            where machine.files.place(at: folder, followsLinks: true) == .missing {
                try machine.files.makeFolder(folder)
                made.append(folder)
            }
            try machine.files.write(record.text, to: path)
        } catch {
            for folder in made.reversed() { try? machine.files.removeFolder(folder) }
            throw error
        }
    }

    private func run(_ words: [String]) throws(ServiceError) {
        let line = words.joined(separator: " ")
        guard !machine.isStandIn else { return say("not run, because of --root: \(line)") }
        say(Step.run(words).announcement)
        let result: CommandResult
        do throws(ServiceError) {
            result = try machine.commands.run(words)
        } catch {
            guard words.first == "systemd-sysusers" else { throw error }
            throw ServiceError(
                "\(error). Make the user yourself: useradd --system --user-group \(ServiceDefinition.user)"
            )
        }
        guard result.exitCode == 0 else { throw result.failure(of: words) }
    }
}
