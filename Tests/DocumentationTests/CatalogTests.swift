import Foundation
import TestTools
import Testing

@Suite("Documentation catalogs")
struct CatalogTests {
    private static var root: URL {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        return root
    }

    private static let hasDocC = (ProcessInfo.processInfo.environment["PATH"] ?? "")
        .split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/docc")
        }

    @Test("build without a warning for each library", .enabled(if: hasDocC))
    func builds() throws {
        let folder = TemporaryFolder()
        let process = Process()
        process.executableURL = Self.root.appendingPathComponent("Scripts/documentation.sh")
        process.arguments = [folder.path]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        for library in [
            "ImmudbStore", "ImmudbClient", "ImmudbVerification", "ImmudbModel", "MerkleTree",
        ] {
            let page = folder.file("\(library)/data/documentation/\(library.lowercased()).json")
            #expect(FileManager.default.fileExists(atPath: page.path))
        }
    }
}
