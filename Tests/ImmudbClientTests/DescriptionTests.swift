import ImmudbClient
import Testing

@Suite("The description of an entry")
struct DescriptionTests {
    private func described(_ key: [UInt8], _ value: [UInt8]) -> String {
        Entry(index: EntryIndex(7), key: key, value: value).description
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("shows text unchanged, with the time of a structured value")
    func texts() {
        #expect(described(bytes("hello"), bytes("world")) == "entry 7: \"hello\" = \"world\"")
        let content = Content(timestamp: 1_795_867_200, payload: bytes("world"))
        #expect(
            described(bytes("héllo"), content.storedValue)
                == "entry 7: \"héllo\" = \"world\", 2026-11-28 12:00:00 UTC")
        #expect(described(bytes("k"), []) == "entry 7: \"k\" = \"\"")
    }

    @Test("shows bytes in hexadecimal if they are not text, or would move a terminal's cursor")
    func noTexts() {
        #expect(described([0xff, 0], [1]) == "entry 7: 0xff00 = 0x01")
        #expect(described(bytes("a\u{1b}[2J"), []) == "entry 7: 0x611b5b324a = \"\"")
        #expect(described(bytes("a\nb"), []) == "entry 7: 0x610a62 = \"\"")
    }

    @Test("escapes quotes inside of a text, and cuts marks on a letter with the letter")
    func hostileTexts() {
        #expect(
            described(bytes("k"), bytes("x\", 2020-01-01 00:00:00 UTC"))
                == "entry 7: \"k\" = \"x\\\", 2020-01-01 00:00:00 UTC\"")
        let marks = "e" + String(repeating: "\u{301}", count: 100_000)
        #expect(described(bytes("k"), bytes(marks)).utf8.count < 200)
        // The cut is within a character.
        #expect(
            described(bytes("k"), bytes("x" + String(repeating: "é", count: 40)))
                == "entry 7: \"k\" = \"x\(String(repeating: "é", count: 31))\"… (81 bytes)")
    }

    @Test("shows a reference and a member of a set as such, with their parts")
    func kinds() {
        let reference = Entry(
            index: EntryIndex(8), kind: .reference, key: bytes("current"), value: bytes("hello"))
        #expect(reference.description == "entry 8: reference \"current\" to \"hello\"")
        let member = ImmudbClient.setEntryKey(set: "by date", score: -7.5, member: "hello")
        // Entries of the wire have no kind.
        for kind: EntryKind? in [nil, .sortedSetMember] {
            let entry = Entry(
                index: EntryIndex(9), kind: kind, key: member, value: bytes("hello"))
            #expect(
                entry.description
                    == "entry 9: member \"hello\" of the set \"by date\", score -7.5")
        }
        let value = Entry(index: EntryIndex(9), kind: .value, key: member, value: bytes("hello"))
        #expect(value.description.hasPrefix("entry 9: 0x"))
    }

    @Test("does not take a key that is text for a member's, however it ends")
    func textKeys() {
        #expect(
            described(bytes("set 12345678hello"), bytes("hello"))
                == "entry 7: \"set 12345678hello\" = \"hello\"")
        #expect(described([0xff, 0, 1, 2, 3, 4, 5, 6, 7, 8], [8]).hasPrefix("entry 7: 0xff00"))
    }

    @Test("cuts long texts, and omits times beyond the calendar")
    func long() {
        let text = String(repeating: "x", count: 100)
        #expect(
            described(bytes("k"), bytes(text))
                == "entry 7: \"k\" = \"\(text.prefix(64))\"… (100 bytes)")
        #expect(described([0xff], [UInt8](repeating: 0xab, count: 33)).hasSuffix("ab… (33 bytes)"))
        let content = Content(timestamp: .max, payload: bytes("v"))
        #expect(described(bytes("k"), content.storedValue) == "entry 7: \"k\" = \"v\"")
    }
}
