import Testing

@testable import immutest

@Suite("Sample entries")
struct SampleEntryTests {
    @Test("have the form that their readers know, with women at even positions")
    func form() throws {
        for position in 0..<1_000 {
            let entry = SampleEntry(position: position)
            let key = try #require(
                entry.key.wholeMatch(of: /client:(Mrs\.|Ms\.|Miss|Mr\.) (\w+) (\w+)/))
            let isFemale = position % 2 == 0
            #expect((key.1 != "Mr.") == isFemale)
            #expect(SampleNames.femaleNames.contains(String(key.2)) == isFemale)
            #expect(
                entry.value.wholeMatch(
                    of: /card:(Visa|MasterCard|Discover) \d{16} (0[1-9]|1[0-2])\/3[0-4]/) != nil
                    || entry.value.wholeMatch(
                        of: /card:Amex \d{15} (0[1-9]|1[0-2])\/3[0-4]/) != nil,
                "\(entry.value)")
        }
    }

    @Test("are the same at the same position, in every run and on every system")
    func repeatable() {
        let entry = SampleEntry(position: 0)
        #expect(entry == SampleEntry(position: 0))
        #expect(entry.key == "client:Miss Alice Adams")
        #expect(entry.value == "card:MasterCard 5555555555091314 10/31")
    }

    @Test("have different keys at the first positions")
    func distinct() {
        let names = (0..<SampleNames.distinctCount).map { position in
            // The name without the title.
            SampleEntry(position: position).key.split(separator: " ").dropFirst()
                .joined(separator: " ")
        }
        #expect(SampleNames.distinctCount == 4_096)
        #expect(Set(names).count == names.count)
    }

    @Test("have lists of names without repetition")
    func names() {
        for list in [SampleNames.femaleNames, SampleNames.maleNames] {
            #expect(Set(list).count == SampleNames.firstNameCount)
            #expect(list.count == SampleNames.firstNameCount)
        }
        #expect(Set(SampleNames.lastNames).count == 64)
        #expect(SampleNames.lastNames.count == 64)
    }

    @Test(
        "have the check digit of the test numbers that payment systems publish",
        arguments: [
            "4242424242424242", "5555555555554444", "6011111111111117", "378282246310005",
            "79927398713",
        ])
    func checkDigit(number: String) {
        #expect(String(SampleCard.checkDigit(of: String(number.dropLast()))) == number.suffix(1))
    }

    @Test("have card numbers that all pass the check")
    func checks() throws {
        for position in 0..<1_000 {
            let parts = SampleEntry(position: position).value.split(separator: " ")
            let number = try #require(parts.dropFirst().first)
            let digit = SampleCard.checkDigit(of: String(number.dropLast()))
            #expect(String(digit) == number.suffix(1))
        }
    }

    @Test(
        "have durations in a short form",
        arguments: [
            (.microseconds(12_345), "12.345ms"), (.milliseconds(999), "999.000ms"),
            (.milliseconds(1_234), "1.234s"), (.seconds(123), "2m3.0s"), (.zero, "0.000ms"),
        ] as [(Duration, String)])
    func durations(duration: Duration, text: String) {
        #expect(DurationText.text(of: duration) == text)
    }
}
