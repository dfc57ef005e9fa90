import ArgumentParser
import ClientKit
import ProgramKit
import SystemServices

struct ServiceCommand: AdminCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "service", abstract: "Install and rule immudb, immugw or the auditor as a service of systemd.",
        discussion: """
            install copies the program, and makes the user immu, a unit, a config and a log rotation for it; then it \
            starts the service. With a newer program it is an upgrade. uninstall removes what install has made. Nothing \
            else is overwritten or removed, and data is erased after an explicit yes only. All but status want root.
            """)

    @Argument(
        help: ArgumentHelp("Which one: immudb, immugw or auditor.", valueName: "service"),
        completion: .list(["immudb", "immugw", "auditor"]))
    var service: String?

    @Argument(
        help: ArgumentHelp(
            "What to do: install, uninstall, start, stop, restart or status.", valueName: "action"),
        completion: .list(ServiceRequest.Verb.allCases.map(\.rawValue)))
    var action: String?

    @Option(
        name: .customLong("local-file"),
        help: ArgumentHelp(
            "Program to install; without it the one beside immuadmin.", valueName: "file"),
        completion: .file())
    var localFile: String?

    @Flag(
        name: .customLong("print"),
        help: "Show what would be done, with all files, and do nothing; no root, no systemd.")
    var printsOnly = false

    @Flag(
        name: .customLong("remove-files"),
        help: "Remove config and logs as well, and ask whether to erase the data.")
    var removesFiles = false

    @Option(
        name: .customLong("root"),
        help: ArgumentHelp(
            "Folder that stands in for the machine, such as one that becomes an image: nothing outside of it is "
                + "touched, and nothing is run but the program, for its man page.",
            valueName: "folder"), completion: .directory)
    var root = ""

    @Option(
        name: [.customShort("t"), .customLong("time")],
        help: ArgumentHelp("Start, stop or restart so many seconds later.", valueName: "seconds"))
    var delaySeconds: Int?

    func run(in context: AdminContext) async throws {
        var request = try ServiceRequest([service, action].compactMap(\.self))
        request.localFile = localFile
        request.printsOnly = printsOnly
        request.removesFiles = removesFiles
        request.delaySeconds = delaySeconds
        // A reader that is gone does not stop an installation half-way.
        let dialog = ServiceDialog(isPlain: context.output.format != .text) { line in
            try? context.output.write(ServiceLine(line: line))
        }
        try ServiceTask(request, on: Machine(root: root), dialog: dialog).run()
    }
}

/// A line of the service's own, whose colours a terminal is to see.
private struct ServiceLine: Report {
    let line: String

    var json: JSONObject { ["message": .text(line)] }

    func text(_ display: Display) -> [UInt8] { Array((line + "\n").utf8) }
}
