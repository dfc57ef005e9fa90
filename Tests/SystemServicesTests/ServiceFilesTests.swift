import ChildProcess
import Foundation
import TestTools
import Testing

@testable import SystemServices

/// The files of a service, as systemd and logrotate read them.
@Suite("The files of a service")
struct ServiceFilesTests {
    private let folder = TemporaryFolder()

    @Test("are in deploy/, for those who install by hand")
    func deploy() throws {
        let files = [
            "systemd/immudb.service": ServiceDefinition.immudb.unitText,
            "logrotate/immudb": ServiceDefinition.immudb.rotationText,
            "sysusers.d/immudb.conf": ServiceDefinition.accountText,
            "systemd/immudb.toml": ServiceDefinition.immudb.configuration,
            "systemd/immugw.service": ServiceDefinition.immugw.unitText,
            "logrotate/immugw": ServiceDefinition.immugw.rotationText,
            "systemd/immugw.toml": ServiceDefinition.immugw.configuration,
            "systemd/immudb-auditor.service": ServiceDefinition.auditor.unitText,
            "logrotate/immudb-auditor": ServiceDefinition.auditor.rotationText,
            "systemd/immudb-auditor.toml": ServiceDefinition.auditor.configuration,
        ]
        for (path, text) in files {
            let url = SystemTools.deploy.appendingPathComponent(path)
            #expect(try String(contentsOf: url, encoding: .utf8) == text, "deploy/\(path)")
        }
    }

    @Test(
        "include units that systemd does not warn of",
        .enabled(if: SystemTools.path(of: "systemd-analyze") != nil, "Linux, with systemd"),
        arguments: ServiceDefinition.all.map(\.name))
    func verify(name: String) throws {
        let service = try ServiceDefinition.named(name)
        // systemd-analyze checks that the program exists.
        let unit = service.unitText.replacing(
            "ExecStart=\(service.executable) ", with: "ExecStart=/bin/true ")
        let (code, text) = try SystemTools.run(
            "systemd-analyze", ["verify", "--man=no", folder.write(service.unit, unit)])
        #expect(code == 0)
        #expect(text.isEmpty, "\(text)")
    }

    @Test(
        "include units whose exposure systemd counts below 2, of 10",
        .enabled(if: SystemTools.path(of: "systemd-analyze") != nil, "Linux, with systemd"),
        arguments: ServiceDefinition.all.map(\.name))
    func exposure(name: String) throws {
        let service = try ServiceDefinition.named(name)
        folder.makeFolder("etc/systemd/system")
        _ = try folder.write("etc/systemd/system/\(service.unit)", service.unitText)
        let (code, text) = try SystemTools.run(
            "systemd-analyze",
            [
                "security", "--offline=true", "--root=\(folder.path)", "--no-pager",
                "--threshold=19",
                service.unit,
            ])
        #expect(code == 0, "\(text)")
        let line = try #require(text.firstMatch(of: /Overall exposure level for .*: ([0-9.]+)/))
        #expect(try #require(Double(line.1)) < 2)
    }

    @Test(
        "include the user of the services, which systemd-sysusers makes once",
        .enabled(if: SystemTools.path(of: "systemd-sysusers") != nil, "Linux, with systemd"))
    func user() throws {
        folder.makeFolder("etc")
        let file = try folder.write("immudb.conf", ServiceDefinition.accountText)
        for _ in 0..<2 {
            let (code, text) = try SystemTools.run(
                "systemd-sysusers", ["--root=\(folder.path)", file])
            #expect(code == 0, "\(text)")
        }
        let users = try String(contentsOf: folder.file("etc/passwd"), encoding: .utf8)
        let lines = users.split(separator: "\n").filter { $0.hasPrefix("immu:") }
        #expect(lines.count == 1)
        #expect(
            lines.first?.contains(":immudb:/var/lib/immudb:/usr/sbin/nologin") == true, "\(users)")
    }

    @Test(
        "include a rotation that logrotate reads without a complaint",
        .enabled(if: SystemTools.path(of: "logrotate") != nil, "logrotate"),
        arguments: ServiceDefinition.all.map(\.name))
    func rotation(name: String) throws {
        let service = try ServiceDefinition.named(name)
        // The user who rotates does not exist on this machine, and logrotate would refuse the file.
        let text = service.rotationText.replacing(/\n *su immu immu/, with: "")
        let (code, output) = try SystemTools.run(
            "logrotate", ["-d", "-s", folder.file("state").path, folder.write(name, text)])
        #expect(code == 0)
        #expect(!output.contains("error"), "\(output)")
        #expect(
            output.contains("rotating pattern: /var/log/immudb/\(name).log  weekly (12 rotations)"),
            "\(output)")
    }
}
