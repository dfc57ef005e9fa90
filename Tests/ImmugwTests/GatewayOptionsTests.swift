import ImmudbGateway
import ProgramKit
import Testing

@testable import immugw

@Suite("The options that immugw makes of its settings")
struct GatewayOptionsTests {
    @Test("are those of the gateway by default")
    func defaults() throws {
        let (options, plain) = (try options([:]), GatewayOptions())
        #expect(options.json == plain.json)
        #expect(options.directory == plain.directory && options.isStrict == plain.isStrict)
        #expect(options.tlsCertificate == "" && options.tlsKey == "")
        #expect(options.mutualTLS.serverName == "localhost")
    }

    @Test("are what the flags say")
    func flags() throws {
        let options = try options([
            "address": "::1", "port": "1", "immudb-address": "db", "immudb-port": "2", "dir": "d",
            "mtls": "true", "servername": "s", "pkey": "k", "certificate": "c", "clientcas": "a",
            "strict": "true", "tls-certificate": "tc", "tls-key": "tk", "pidfile": "p",
            "logfile": "l", "detached": "true",
        ])
        #expect(options.address == "::1" && options.port == 1)
        #expect(options.immudbAddress == "db" && options.immudbPort == 2)
        #expect(options.directory == "d")
        #expect(options.mutualTLS.isOn && options.mutualTLS.serverName == "s")
        #expect(options.mutualTLS.key == "k" && options.mutualTLS.certificate == "c")
        #expect(options.mutualTLS.clientAuthorities == "a")
        #expect(options.isStrict)
        #expect(options.tlsCertificate == "tc" && options.tlsKey == "tk")
        #expect(options.process.pidFile == "p" && options.process.logFile == "l")
        #expect(options.process.isDetached && options.process.configFile.isEmpty)
    }

    @Test("can be shown whatever port they have")
    func impossiblePort() {
        var options = GatewayOptions()
        (options.port, options.immudbPort) = (-1, .max)
        #expect(options.json.contains(#""Port":-1,"#))
        #expect(options.json.contains(#""ImmudbPort":\#(Int.max),"#))
    }

    @Test("need both files for https, or neither", arguments: ["tls-certificate", "tls-key"])
    func oneOfTwo(key: String) throws {
        let error = #expect(throws: SettingsError.self) { try self.options([key: "file"]) }
        #expect(error?.message.hasPrefix("--tls-certificate and --tls-key belong together") == true)
    }

    private func options(_ flags: [String: String]) throws -> GatewayOptions {
        let sources = try SettingsSources(
            ImmugwSettings.definition, flags: flags, environment: [:], configFile: nil)
        return try GatewayOptions(sources.values())
    }
}
