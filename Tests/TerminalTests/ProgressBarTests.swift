import Foundation
import Testing

@testable import Terminal

@Suite("Progress bar")
struct ProgressBarTests {
    @Test(
        "shows label, bar and figures, and 100 % only when all is done",
        arguments: [
            (0, 1000, "Dumping [                    ]   0 % 0/1000"),
            (500, 1000, "Dumping [##########          ]  50 % 500/1000"),
            (999, 1000, "Dumping [##################  ]  99 % 999/1000"),
            (1000, 1000, "Dumping [##################  ] 100 % 1000/1000"),
            (2000, 1000, "Dumping [##################  ] 100 % 2000/1000"),
            (0, 0, "Dumping [#########################] 100 % 0/0"),
        ] as [(UInt64, UInt64, String)])
    func rendering(done: UInt64, total: UInt64, expected: String) {
        let line = ProgressBar.line("Dumping", done: done, total: total, width: 47)
        // Compares only how full the bar is.
        func share(_ line: String) -> String {
            line.replacing(/\ *\]/, with: "]").replacing(/#+/, with: "#")
        }
        #expect(share(line) == share(expected))
        #expect(line.count == 46)
    }

    @Test("fills the share that is done")
    func share() {
        for done in stride(from: UInt64(0), through: 1000, by: 50) {
            let line = ProgressBar.line("x", done: done, total: 1000, width: 200)
            #expect(UInt64(line.count { $0 == "#" }) == done / 20)
        }
    }

    @Test("fits every width, without the last column")
    func widths() {
        for width in 0..<120 {
            for (done, total) in [(0, 1), (7, 9), (UInt64.max, UInt64.max)] as [(UInt64, UInt64)] {
                let line = ProgressBar.line(
                    "A label of some length", done: done, total: total, width: width)
                #expect(line.count <= max(0, width - 1))
            }
        }
        #expect(ProgressBar.line("Label", done: 1, total: 2, width: 14) == "Lab  50 % 1/2")
    }

    @Test("writes nothing to other files than a terminal")
    func noTerminal() throws {
        let script = try Script("")
        script.run { streams in
            var bar = ProgressBar("Dumping", total: 2, on: streams.output)
            bar.update(to: 1)
            bar.finish()
        }
        #expect(script.prompts.isEmpty)
    }

    @Test("is drawn at most ten times a second, and its line is cleared at the end")
    func drawing() async throws {
        let terminal = try PseudoTerminal()
        terminal.run { streams in
            var bar = ProgressBar("Dumping\u{1b}", total: 1_000_000, on: streams.output)
            for done in 0...1_000 { bar.update(to: UInt64(done)) }
            bar.finish()
            streams.write("next")
        }
        let screen = try await terminal.waitForOutput("next")
        #expect(screen.components(separatedBy: "Dumping").count - 1 < 10)
        #expect(screen.contains("Dumping\\x1b ["))
        #expect(screen.hasSuffix("  \rnext"))
    }
}
