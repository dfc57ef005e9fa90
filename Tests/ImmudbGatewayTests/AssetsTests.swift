import Foundation
import Testing

@testable import ImmudbGateway

@Suite("The files that are part of the program")
struct AssetsTests {
    private static let sources = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources/ImmudbGateway")

    @Test("are those of their folder, byte by byte", arguments: ["Console", "Docs"])
    func files(folder: String) throws {
        let place = Self.sources.appendingPathComponent("\(folder)/Assets")
        let own = Assets.all.filter { $0.folder == folder.lowercased() }
        let names = try FileManager.default.contentsOfDirectory(atPath: place.path)
        #expect(own.map(\.name).sorted() == names.sorted())
        #expect(own.count > 4)
        for asset in own {
            let file = try Data(contentsOf: place.appendingPathComponent(asset.name))
            #expect(Data(asset.bytes) == file, "\(asset.name)")
        }
    }
}
