import Foundation
import Synchronization
import TestTools
import Testing

@testable import SystemServices

/// Installations into a folder that stands in for a machine, from several initial states, and with
/// failures.
@Suite("An installation into a folder")
struct InstallationTests {
    /// The state before the installation.
    enum Beginning: String, CaseIterable, Sendable {
        case nothing, debian, ownConfig, foreignFiles, otherService, keptConfig, halfDone
    }

    private func host(_ beginning: Beginning) throws -> StandInMachine {
        let host = StandInMachine()
        func makeDebian() {
            for folder in [
                "/etc/systemd/system", "/etc/logrotate.d", "/usr/sbin", "/usr/share/man/man1",
                "/var/lib", "/var/log",
            ] { host.folder.makeFolder(folder) }
        }
        switch beginning {
        case .nothing: break
        case .debian: makeDebian()
        case .ownConfig:
            makeDebian()
            try host.write("port = 4000\n", to: "/etc/immudb/immudb.toml")
            try host.write("own rotation\n", to: "/etc/logrotate.d/immudb")
        case .foreignFiles:
            try host.write("u other -\n", to: "/etc/sysusers.d/other.conf")
            try host.write("a page\n", to: "/usr/share/man/man1/other.1")
            try host.write("notes\n", to: "/etc/immudb/README")
            try host.write("log\n", to: "/var/log/immudb/other.log")
        case .otherService: try host.run("immugw", "install", on: host.image)
        case .keptConfig:
            try host.run("immudb", "install", on: host.image)
            try host.run(
                "immudb", "uninstall",
                answers: ["Are you sure you want to uninstall immudb? [y/N]": true],
                on: host.image)
        case .halfDone:
            makeDebian()
            try? install(host, failingAt: 4)
        }
        return host
    }

    private func install(_ host: StandInMachine, failingAt position: Int? = nil) throws {
        let plan = try InstallationPlan(
            .immudb, source: host.source(), survey: host.image.survey(of: .immudb))
        try carryOut(plan.steps, on: host, failingAt: position)
    }

    private func carryOut(_ steps: [Step], on host: StandInMachine, failingAt position: Int?) throws
    {
        try PlanExecution(
            machine: host.image, say: { _ in }, advice: "Again.",
            beforeStep: { step throws(ServiceError) in
                if step == position { throw ServiceError("no luck") }
            }
        ).carryOut(steps)
    }

    private func removalSteps(_ host: StandInMachine) throws -> [Step] {
        try RemovalPlan(
            .immudb, .init(removesFiles: true, erasesData: true),
            survey: host.image.survey(of: .immudb)
        ).steps
    }

    @Test(
        "is removed without a trace, and leaves exactly what was there before",
        arguments: Beginning.allCases)
    func roundTrip(beginning: Beginning) throws {
        let host = try host(beginning)
        let before = host.content
        try install(host)
        #expect(host.text("/usr/sbin/immudb") != nil)
        #expect(throws: ServiceError("Service has already been installed")) { try install(host) }
        try carryOut(removalSteps(host), on: host, failingAt: nil)
        switch beginning {
        case .keptConfig, .halfDone:
            // The removal covers files of an earlier installation, too.
            #expect(host.content["/etc/immudb"] == nil)
            #expect(host.content["/etc/systemd/system/immudb.service"] == nil)
        default: #expect(host.content == before)
        }
    }

    @Test(
        "says so wherever it fails, and can be continued and removed",
        arguments: [Beginning.nothing, .debian, .ownConfig, .foreignFiles, .otherService])
    func failingInstallation(beginning: Beginning) throws {
        let whole = try host(beginning)
        let before = whole.content
        let count = try InstallationPlan(
            .immudb, source: whole.source(), survey: whole.image.survey(of: .immudb)
        ).steps.count
        try install(whole)
        for position in 0..<count {
            let host = try host(beginning)
            let error = #expect(throws: ServiceError.self) {
                try install(host, failingAt: position)
            }
            let message = try #require(error?.message)
            #expect(
                message.hasPrefix("no luck\ndone: \(position) of \(count) steps. Not done:\n    "))
            #expect(message.hasSuffix("\nAgain."))

            let interrupted = host.content
            try install(host)
            #expect(host.content == whole.content, "continued at \(position)")

            // Another installation, which is removed in its present state.
            let other = try self.host(beginning)
            try? install(other, failingAt: position)
            #expect(other.content == interrupted)
            if position > 0 { try carryOut(removalSteps(other), on: other, failingAt: nil) }
            #expect(other.content == before, "removed after \(position)")
        }
    }

    @Test(
        "can be removed again after a removal that failed anywhere",
        arguments: [Beginning.nothing, .debian, .ownConfig, .foreignFiles, .otherService])
    func failingRemoval(beginning: Beginning) throws {
        let before = try host(beginning).content
        var position = 0
        while true {
            let host = try host(beginning)
            try install(host)
            let steps = try removalSteps(host)
            guard position < steps.count else { break }
            #expect(throws: ServiceError.self) {
                try carryOut(steps, on: host, failingAt: position)
            }
            try carryOut(removalSteps(host), on: host, failingAt: nil)
            #expect(host.content == before, "failed at \(position)")
            position += 1
        }
        #expect(position > 5)
    }

    @Test(
        "keeps files that were changed since, and removes the rest",
        .enabled(if: geteuid() == 0))
    func changed() throws {
        let host = try host(.debian)
        try install(host)
        try host.write("mine\n", to: "/usr/sbin/immudb")
        try host.write("mine\n", to: "/etc/logrotate.d/immudb")
        try carryOut(removalSteps(host), on: host, failingAt: nil)
        #expect(host.text("/usr/sbin/immudb") == "mine\n")
        #expect(host.text("/etc/logrotate.d/immudb") == "mine\n")
        #expect(!host.paths.contains("/etc/immudb"))
    }

    @Test(
        "follows no link, neither in the place of a file nor above one",
        .enabled(if: geteuid() == 0))
    func links() throws {
        let elsewhere = TemporaryFolder()
        let victim = try elsewhere.write("victim", "precious\n")
        for path in ["/etc/systemd/system/immudb.service", "/usr/sbin/immudb"] {
            let host = try host(.debian)
            try FileManager.default.createSymbolicLink(
                atPath: host.folder.file(path).path, withDestinationPath: victim)
            let error = #expect(throws: ServiceError.self) { try install(host) }
            #expect(error?.message.contains("\(path) is a link: move it away") == true)
        }
        let host = try host(.debian)
        try FileManager.default.removeItem(at: host.folder.file("/etc/systemd/system"))
        try FileManager.default.createSymbolicLink(
            atPath: host.folder.file("/etc/systemd/system").path,
            withDestinationPath: elsewhere.path)
        let error = #expect(throws: ServiceError.self) { try install(host) }
        #expect(error?.message.contains("is outside of") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere.path) == ["victim"])
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious\n")
    }

    @Test("neither overwrites nor uses what another user owns", .enabled(if: geteuid() == 0))
    func owners() throws {
        for path in ["/etc/systemd/system/immudb.service", "/etc/immudb", "/var/lib/immudb"] {
            let host = try host(.debian)
            if path.hasSuffix("service") {
                try host.write(ServiceDefinition.immudb.unitText, to: path)
            } else {
                host.folder.makeFolder(path)
            }
            chown(host.folder.file(path).path, 12_345, 12_345)
            let before = host.content
            let error = #expect(throws: ServiceError.self) { try install(host) }
            #expect(
                error?.message.contains("\(path) belongs to user 12345") == true,
                "\(error?.message ?? "")")
            #expect(host.content == before)
        }
    }

    @Test(
        "does not install a program that changes meanwhile",
        .enabled(if: geteuid() == 0))
    func changingProgram() throws {
        let host = try host(.debian)
        let source = try host.source()
        let plan = try InstallationPlan(
            .immudb, source: source, survey: host.image.survey(of: .immudb))
        try Data("#!/bin/sh\nevil\n".utf8).write(to: URL(fileURLWithPath: source.path))
        let error = #expect(throws: ServiceError.self) {
            try carryOut(plan.steps, on: host, failingAt: nil)
        }
        #expect(error?.message.contains("has changed since it was looked at: begin again") == true)
        #expect(host.text("/usr/sbin/immudb") == nil)
    }

    @Test("stops at a record that it cannot read")
    func badRecord() throws {
        let host = try host(.debian)
        try host.write("{}", to: "/etc/immudb/installed.json")
        let before = host.content
        let error = #expect(throws: ServiceError.self) { try install(host) }
        #expect(
            error?.message.hasPrefix("/etc/immudb/installed.json is not what this command") == true)
        #expect(host.content == before)
    }

    @Test("runs no command of the machine, and says so")
    func image() throws {
        let host = StandInMachine()
        let lines = try host.run("immudb", "install", on: host.image)
        #expect(
            lines.filter { $0.hasPrefix("not run") } == [
                "not run, because of --root: systemd-sysusers /etc/sysusers.d/immudb.conf",
                "not run, because of --root: systemctl daemon-reload",
                "not run, because of --root: systemctl enable immudb.service",
                "not run, because of --root: systemctl start immudb.service",
            ])
        #expect(host.commands.lines.isEmpty)
        #expect(
            host.paths.filter { host.text($0) != nil } == [
                "/etc/immudb/immudb.toml", "/etc/immudb/installed.json", "/etc/logrotate.d/immudb",
                "/etc/systemd/system/immudb.service", "/etc/sysusers.d/immudb.conf",
                "/usr/sbin/immudb", "/usr/share/man/man1/immudb.1",
            ])
    }
}
