import ClientKit
import ImmudbClient
import MerkleTree
import RPCTransport
import Testing

@testable import immuclient

@Suite("Reports of immuclient")
struct ReportTests {
    private let text = Display(isTerminal: false)
    private let terminal = Display(isTerminal: true)

    private func line(_ report: some Report) throws -> String {
        String(decoding: try report.json.line(), as: UTF8.self)
    }

    private func entry(_ key: [UInt8], _ value: [UInt8]) -> Entry {
        Entry(index: EntryIndex(7), key: key, value: value)
    }

    @Test("have the fields of an entry in order in JSON, and bytes that are not text as base64")
    func entries() throws {
        let content = Content(timestamp: 1_795_374_564, payload: Array("a \"b\"\n".utf8))
        let structured = entry(Array("k/ü".utf8), content.storedValue)
        #expect(
            try line(EntryReport(entry: structured, isVerified: true))
                == #"{"hash":"\#(structured.leaf.hex)","index":7,"key":"k/ü","#
                + #""time":"2026-11-22T19:09:24Z","timestamp":1795374564,"value":"a \"b\"\n","#
                + #""verified":true}"#)
        let raw = entry([0xff], [0x80, 0])
        #expect(
            try line(EntryReport(entry: raw))
                == #"{"hash":"\#(raw.leaf.hex)","index":7,"keyBase64":"/w==","valueBase64":"gAA="}"#
        )
        // The value as stored, on request.
        let stored = try line(EntryReport(entry: structured, isRaw: true))
        #expect(!stored.contains("timestamp"))
        #expect(stored.contains(#""value":"\b"#) || stored.contains(#""valueBase64":""#))
        let far = Content(timestamp: .max, payload: [])
        let beyond = try line(EntryReport(entry: entry([1], far.storedValue)))
        #expect(beyond.contains(#""timestamp":18446744073709551615,"value":"""#))
        #expect(!beyond.contains("\"time\""))
    }

    @Test("escape in JSON only control characters that a terminal obeys")
    func controls() throws {
        var object = JSONObject()
        object.set("value", bytes: Array("\u{1b}\u{7f}\u{9b}\u{a0}é".utf8))
        let line = String(decoding: try object.line(), as: UTF8.self)
        #expect(line == "{\"value\":\"\\u001b\\u007f\\u009b\u{a0}é\"}")
    }

    @Test(
        "have set and score of a member; infinite scores are texts, since JSON lacks such numbers")
    func members() throws {
        for (score, json) in [(1.5, "1.5"), (-2, "-2"), (.infinity, "\"inf\"")]
            as [(Double, String)]
        {
            let member = entry([0xff], Array("m".utf8))
            let line = try line(MemberReport(entry: member, set: [0x73], score: score))
            #expect(line.contains("\"score\":\(json),\"set\":\"s\",\"value\":\"m\"}"), "\(line)")
        }
    }

    @Test("send no control bytes to a terminal, and all bytes to anything else")
    func terminals() throws {
        let report = EntryReport(entry: entry([0x1b], [0xff, 0x07]))
        #expect(report.text(text).contains(0x1b) && report.text(text).contains(0xff))
        let shown = String(decoding: report.text(terminal), as: UTF8.self)
        #expect(shown.hasPrefix("index:\t\t7\nkey:\t\t\\x1b\nvalue:\t\t\\xff\\x07\n"))
    }

    @Test("have no value if its verification failed")
    func values() {
        let found = entry([1], [2])
        #expect(EntryReport(entry: found).value == [2])
        #expect(EntryReport(entry: found, isVerified: true).value == [2])
        #expect(EntryReport(entry: found, isVerified: false).value == nil)
    }

    @Test("have a size and no index for an empty tree")
    func roots() throws {
        let server = try #require(ServerIdentity("dc1jror8di1986gclkv0"))
        #expect(
            try line(RootReport(signed: SignedRoot(.empty), server: server))
                == #"{"hash":"\#(Digest.emptyTree.hex)","server":"\#(server.text)","size":0}"#)
        let root = TrustedRoot(size: TreeSize(3), root: .emptyTree)
        #expect(
            try line(RootReport(signed: SignedRoot(root), server: server))
                == #"{"hash":"\#(Digest.emptyTree.hex)","index":2,"#
                + #""phrase":"\#(Digest.emptyTree.phrase)","server":"\#(server.text)","size":3}"#)
    }

    @Test("show the first 80 bits of a root as proquints")
    func phrase() throws {
        // The examples of arXiv:0901.4016: 127.0.0.1, 63.84.220.193, and half of 63.118.7.35.
        let start: [UInt8] = [127, 0, 0, 1, 63, 84, 220, 193, 63, 118]
        let digest = try #require(Digest(start + [UInt8](repeating: 0xff, count: 22)))
        #expect(digest.phrase == "lusab-babad-gutih-tugad-gutuk")
    }

    @Test("have a code in JSON and a text for people for each kind of failure")
    func failures() throws {
        func check(
            _ error: any Error, _ code: String, _ text: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let failure = Failure(error)
            #expect(failure.code == code, sourceLocation: sourceLocation)
            #expect(failure.text == text, sourceLocation: sourceLocation)
        }
        check(
            ClientError(.notFound, "Key not found", status: .notFound), "NotFound",
            "rpc error: code = NotFound desc = Key not found")
        check(
            ClientError(.refused, "expired", status: .unauthenticated), "Unauthenticated",
            "unauthenticated, please login")
        // A message from a server is printed as one line.
        check(
            ClientError(.refused, "bad\nOK\u{1b}[2J", status: .invalidArgument),
            "InvalidArgument", #"rpc error: code = InvalidArgument desc = bad\x0aOK\x1b[2J"#)
        check(ClientError(.trustedRootUnusable, "no"), "TrustedRootUnusable", "no")
        check(ClientError(.tlsUnusable, "no"), "TlsUnusable", "no")
        check(ToolError("full"), "LocalFailure", "full")
        let lost = ClientError(.unavailable, "closed", status: .unavailable)
        let unknown = ClientError(
            .outcomeUnknown, "it may be stored: closed", status: .unavailable, cause: lost)
        check(
            unknown, "OutcomeUnknown",
            "the outcome is unknown: the entry may have been stored. Look before you write it again\n"
                + "rpc error: code = Unavailable desc = closed")
        let evidence = VerificationError(.leafMismatch, "wrong")
        let note = AnnotatedError(cause: evidence, note: "Look.")
        check(
            note, "VerificationFailed",
            "Look.\nVERIFICATION FAILED: do not trust this server. The trusted root stays as it "
                + "was.\nverification failed: wrong")
        let json = String(decoding: try Failure(note).json.line(), as: UTF8.self)
        #expect(
            json
                == #"{"error":{"check":"leafMismatch","code":"VerificationFailed","#
                + #""message":"verification failed: wrong. Look."}}"#)
    }

    @Test("have an exit code for each kind of failure, of which the worst wins")
    func exitCodes() async {
        let answered = ClientError(
            .unavailable, "", status: .unavailable, cause: RPCError(.unavailable, ""))
        #expect(Failure(answered).exitCode == .failed)
        #expect(Failure(ClientError(.notFound, "")).exitCode == .notFound)
        #expect(Failure(ClientError(.deadlineExceeded, "")).exitCode == .unreachable)
        #expect([.done, .notFound, .failed].max() == ExitCode.failed)
        #expect(
            [.outcomeUnknown, .verificationFailed, .unreachable].max()
                == ExitCode.verificationFailed)
        let (refused, unknown) = (ClientError(.unavailable, ""), ClientError(.outcomeUnknown, ""))
        #expect(Failure(refused).exitCode == .unreachable)
        #expect(Failure(ToolError("")).exitCode == .failed)
        #expect(Failure(VerificationError(.leafMismatch, "")).exitCode == .verificationFailed)
        #expect(Failure(unknown).exitCode == .outcomeUnknown)
        #expect(Failure(AnnotatedError(cause: unknown, note: "")).exitCode == .outcomeUnknown)
        #expect(Failure(AnnotatedError(cause: refused, note: "")).exitCode == .unreachable)
        let stored = await #expect(throws: AnnotatedError.self) {
            try await readingBack(EntryIndex(7)) { throw refused }
        }
        #expect(stored.map { Failure($0).exitCode } == .outcomeUnknown)
        #expect(stored?.note.contains("Your entry is stored at index 7") == true)
    }
}
