import POSIX

/// The request of a command line about a service.
public struct ServiceRequest: Hashable, Sendable {
    public enum Verb: String, CaseIterable, Sendable {
        case install, uninstall, start, stop, restart, status
    }

    public let service: String
    public let verb: Verb
    /// The program to install; nil for the one beside this program.
    public var localFile: String?
    /// Whether config file and logs are removed with the service.
    public var removesFiles = false
    /// The delay before the action; nil for none.
    public var delaySeconds: Int?
    /// Whether to print the steps without doing them.
    public var printsOnly = false

    /// - Throws: `ServiceError` that names the wrong or missing word.
    public init(_ words: [String]) throws(ServiceError) {
        guard let service = words.first else { throw ServiceError("required a service name") }
        guard words.count > 1 else { throw ServiceError("required a command name") }
        self.service = try ServiceDefinition.named(service).name
        guard let verb = Verb(rawValue: words[1]) else {
            let known = Verb.allCases.map(\.rawValue).joined(separator: " ")
            throw ServiceError(
                "invalid command argument specified: \(words[1]). Available list is [\(known)]")
        }
        self.verb = verb
    }

    /// - Throws: `ServiceError` if an option does not apply to the verb.
    func requireMeaning() throws(ServiceError) {
        if localFile != nil, verb != .install {
            throw ServiceError("--local-file: only install takes a program")
        }
        if removesFiles, verb != .uninstall {
            throw ServiceError("--remove-files: only uninstall removes files")
        }
        if delaySeconds != nil, ![.start, .stop, .restart].contains(verb) {
            throw ServiceError("--time: only start, stop and restart can wait")
        }
        if let delaySeconds, delaySeconds < 1 {
            throw ServiceError("--time is \(delaySeconds): give 1 or more seconds")
        }
    }
}

/// Carries out a request.
public struct ServiceTask {
    private let request: ServiceRequest
    private let service: ServiceDefinition
    private let machine: Machine
    private let dialog: ServiceDialog
    /// The folder of this program.
    private let programFolder: String
    private var unit: Unit { Unit(service: service, machine: machine, dialog: dialog) }

    public init(
        _ request: ServiceRequest, on machine: Machine, dialog: ServiceDialog
    ) throws(ServiceError) {
        try self.init(
            request, on: machine, dialog: dialog, programFolder: Self.folderOfThisProgram())
    }

    init(
        _ request: ServiceRequest, on machine: Machine, dialog: ServiceDialog, programFolder: String
    ) throws(ServiceError) {
        try request.requireMeaning()
        self.request = request
        self.machine = machine
        self.dialog = dialog
        self.programFolder = programFolder
        service = try .named(request.service)
    }

    private static func folderOfThisProgram() -> String {
        MachineFiles.realPath("/proc/self/exe").map(parentFolder) ?? "."
    }

    /// Carries out the request. Blocks until it is done.
    ///
    /// - Throws: `ServiceError`; some lines may have been printed before.
    public func run() throws(ServiceError) {
        if !request.printsOnly {
            // Everybody may ask for the status.
            if request.verb != .status { try machine.requireRoot() }
            try machine.requireSystemd()
        }
        switch request.verb {
        case .install: try install()
        case .uninstall: try uninstall()
        case .start, .stop, .restart: try rule(request.verb)
        case .status: try showStatus()
        }
    }

    // MARK: install

    private func install() throws(ServiceError) {
        if service.name != ServiceDefinition.immudb.name {
            let question =
                "To provide the maximum level of security, we recommend running \(service.name) on a different machine "
                + "than immudb server. Continue ? [Y/n]"
            guard try ask(question, byDefault: true) else { return dialog.say("No action") }
        }
        var source = try machine.executable(
            of: service, localFile: request.localFile, beside: programFolder, say: dialog.say)
        if !request.printsOnly {
            let found = source
            let page = HeldSignals.during {
                machine.manPage(of: found, named: service.manPage)
            }
            source.manPage = page.map { .text($0) } ?? .none
        }
        let plan = try InstallationPlan(
            service, source: source, survey: machine.survey(of: service))
        for note in plan.notes { dialog.say(note) }
        let verb = plan.isUpgrade ? "restart" : "start"
        if request.printsOnly {
            return printSteps(plan.steps + [.run(["systemctl", verb, service.unit])])
        }
        let advice =
            "Mend that and install again: it goes on where it has stopped. Or uninstall, which removes what was "
            + "installed so far"
        try carryOut(plan.steps, "Install \(service.name):", advice: advice)
        try plan.isUpgrade ? unit.restart() : startUnlessRunning()
    }

    /// Starts the service, unless it already runs, as it may after an interrupted installation.
    private func startUnlessRunning() throws(ServiceError) {
        guard try !isRunning() else { return }
        try unit.start()
    }

    private func isRunning() throws(ServiceError) -> Bool {
        guard !machine.isStandIn else { return false }
        return try unit.status().isRunning
    }

    // MARK: uninstall

    private func uninstall() throws(ServiceError) {
        var extent = RemovalPlan.Extent(removesFiles: request.removesFiles)
        let survey = try machine.survey(of: service)
        // Fails before the questions if the service is not installed.
        _ = try RemovalPlan(service, extent, survey: survey)
        guard try ask("Are you sure you want to uninstall \(service.name)? [y/N]") else {
            return dialog.say("No action")
        }
        if request.removesFiles, survey[service.dataFolder] != .missing {
            extent.erasesData = try ask("Erase data? [y/N]")
            if !extent.erasesData { dialog.say("No data removed") }
        }
        if !request.printsOnly, try isRunning() { try unit.stop() }
        let plan = try RemovalPlan(service, extent, survey: machine.survey(of: service))
        for note in plan.notes { dialog.say(note) }
        if request.printsOnly { return printSteps(plan.steps) }
        try carryOut(
            plan.steps, "Removing \(service.name):",
            advice: "Mend that and uninstall again: it goes on where it has stopped")
        if extent.erasesData { dialog.say("Data folder removed") }
        dialog.say("Program files removed")
    }

    /// Asks a question; with `--print`, prints it and assumes a yes.
    private func ask(_ question: String, byDefault: Bool = false) throws(ServiceError) -> Bool {
        guard request.printsOnly else { return try dialog.confirm(question, byDefault) }
        dialog.say("ask \(question)")
        return true
    }

    // MARK: the rest

    private func rule(_ verb: ServiceRequest.Verb) throws(ServiceError) {
        if request.printsOnly {
            let words =
                request.delaySeconds.map { Unit.scheduling(verb.rawValue, service, in: $0) }
                ?? ["systemctl", verb.rawValue, service.unit]
            return printSteps([.run(words)])
        }
        if let seconds = request.delaySeconds {
            return try unit.schedule(verb.rawValue, in: seconds)
        }
        switch verb {
        case .start: try unit.start()
        case .stop: try unit.stop()
        default: try unit.restart()
        }
    }

    private func showStatus() throws(ServiceError) {
        let words = ["systemctl", "show", service.unit]
        if request.printsOnly { return printSteps([.run(words)]) }
        guard !machine.isStandIn else {
            throw ServiceError("--root: nothing runs in a folder, so there is no status of it")
        }
        dialog.say(try unit.loadedStatus().text)
    }

    private func printSteps(_ steps: [Step]) {
        for step in steps { dialog.say(step.description) }
    }

    private func carryOut(
        _ steps: [Step], _ what: String, advice: String
    ) throws(ServiceError) {
        let execution = PlanExecution(machine: machine, say: dialog.say, advice: advice)
        try dialog.report(what) { () throws(ServiceError) in try execution.carryOut(steps) }
    }
}
