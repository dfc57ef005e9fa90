/// The status of a unit in systemd.
struct UnitStatus: Hashable, Sendable {
    static let properties = ["LoadState", "ActiveState", "SubState", "MainPID"]

    /// Whether the unit exists.
    let isLoaded: Bool
    /// Whether it runs or is starting.
    let isRunning: Bool
    /// Whether it has failed and systemd will start it again.
    let isWaiting: Bool
    /// The id of its process; nil if there is none.
    let processID: Int?

    /// - Parameter text: the output of `systemctl show`: lines `Name=value`.
    init(_ text: String) {
        var values: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        isLoaded = !["", "not-found", "masked"].contains(values["LoadState"] ?? "")
        isWaiting = values["SubState"] == "auto-restart"
        isRunning =
            !isWaiting
            && ["active", "activating", "reloading"].contains(values["ActiveState"] ?? "")
        processID = values["MainPID"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    /// The sentence of `service … status`.
    var text: String {
        guard isRunning else { return "Service is stopped" }
        return processID.map { "Service (pid  \($0)) is running..." } ?? "Service is running..."
    }
}

/// A unit, and the commands that manage it.
struct Unit {
    let service: ServiceDefinition
    let machine: Machine
    let dialog: ServiceDialog

    func status() throws(ServiceError) -> UnitStatus {
        let words =
            ["systemctl", "show"] + UnitStatus.properties.map { "--property=\($0)" } + [
                service.unit
            ]
        let result = try machine.commands.run(words)
        guard result.exitCode == 0 else { throw result.failure(of: words) }
        return UnitStatus(result.output)
    }

    /// - Throws: `ServiceError` if there is no such service.
    func loadedStatus() throws(ServiceError) -> UnitStatus {
        let status = try status()
        guard status.isLoaded else { throw ServiceError("Service is not installed") }
        return status
    }

    func start() throws(ServiceError) {
        guard !machine.isStandIn else { return sayNotRun("start") }
        guard try !loadedStatus().isRunning else {
            throw ServiceError("Service is already running")
        }
        guard case .file = machine.files.place(at: service.executable, followsLinks: true) else {
            throw ServiceError(
                "Incorrect exec start path: \(service.executable) is missing. Install the service again"
            )
        }
        try run("start", "Starting")
    }

    func stop() throws(ServiceError) {
        guard !machine.isStandIn else { return sayNotRun("stop") }
        let status = try loadedStatus()
        guard status.isRunning || status.isWaiting else {
            throw ServiceError("Service has already been stopped")
        }
        try run("stop", "Stopping")
    }

    /// Restarts the unit, or starts it if it is stopped.
    func restart() throws(ServiceError) {
        guard !machine.isStandIn else { return sayNotRun("restart") }
        if try loadedStatus().isRunning { try run("stop", "Stopping") }
        try start()
    }

    private func sayNotRun(_ verb: String) {
        dialog.say("not run, because of --root: systemctl \(verb) \(service.unit)")
    }

    private func run(_ verb: String, _ word: String) throws(ServiceError) {
        try dialog.report("\(word) \(service.name):") { () throws(ServiceError) in
            let words = ["systemctl", verb, service.unit]
            let result = try machine.commands.run(words)
            guard result.exitCode == 0 else {
                throw ServiceError(
                    "\(result.failure(of: words))\njournalctl -u \(service.name) says more")
            }
        }
    }

    // MARK: later

    /// Makes systemd run the command after a delay, even if this terminal is closed.
    func schedule(_ verb: String, in seconds: Int) throws(ServiceError) {
        let words = Self.scheduling(verb, service, in: seconds)
        guard !machine.isStandIn else {
            dialog.say("not run, because of --root: \(words.joined(separator: " "))")
            return
        }
        _ = try loadedStatus()
        let result = try machine.commands.run(words)
        guard result.exitCode == 0 else { throw result.failure(of: words) }
        dialog.say(
            "\(verb) of \(service.name) in \(seconds) s: systemctl list-timers '\(service.name)-\(verb)*' shows it"
        )
    }

    static func scheduling(_ verb: String, _ service: ServiceDefinition, in seconds: Int)
        -> [String]
    {
        [
            "systemd-run", "--quiet", "--collect", "--on-active=\(seconds)",
            "--timer-property=AccuracySec=100ms", "--unit=\(service.name)-\(verb)", "systemctl",
            verb,
            service.unit,
        ]
    }
}
