import ProgramKit

extension Immuclient {
    /// The examples of the help texts and man pages, by command.
    static let examples: ManPages.Examples = [
        "immuclient": [
            (
                command: "immuclient safeset hello world",
                what: "Adds an entry, and verifies that the server has it:"
            ),
            (
                command: "immuclient safeget hello --value-only",
                what: "Prints its value, verified, and nothing else:"
            ),
            (
                command: "immuclient -a db.example.org scan user: --json",
                what: "Lists keys of another server, an object a line:"
            ),
        ],
        "immuclient set": [
            (
                command: "immuclient set hello world",
                what: "Adds an entry:"
            ),
            (
                command: "immuclient set report < report.pdf",
                what: "Adds the bytes of a file:"
            ),
        ],
        "immuclient get": [
            (
                command: "immuclient get hello",
                what: "Prints the newest entry of a key:"
            ),
            (
                command: "immuclient get hello --value-only",
                what: "Prints its value and nothing else:"
            ),
        ],
        "immuclient reference": [
            (
                command: "immuclient reference latest report-7",
                what: "Makes latest a second name of report-7:"
            )
        ],
        "immuclient zadd": [
            (
                command: "immuclient zadd temperatures -1.5 oslo",
                what: "Scores may be negative:"
            )
        ],
        "immuclient history": [
            (
                command: "immuclient history hello --limit 3",
                what: "Prints the three newest entries of a key:"
            ),
            (
                command: "immuclient history hello --reverse --limit 1",
                what: "Prints the first entry that the key ever had:"
            ),
        ],
        "immuclient getByIndex": [
            (
                command: "immuclient getByIndex 0",
                what: "Prints the first entry of all:"
            )
        ],
        "immuclient scan": [
            (
                command: "immuclient scan user: --limit 10",
                what: "Prints the first ten keys with a prefix:"
            ),
            (
                command: "immuclient scan user: --offset user:joe --json",
                what: "Goes on behind a key, an object a line:"
            ),
        ],
        "immuclient zscan": [
            (
                command: "immuclient zscan temperatures --scores --reverse --limit 3",
                what: "Prints the three members with the highest scores:"
            ),
            (
                command: "immuclient zscan temperatures --offset -5 --until 5",
                what: "Prints the members with scores from -5 to 5:"
            ),
        ],
        "immuclient iscan": [
            (
                command: "immuclient iscan 2 100",
                what: "Prints the second hundred of all entries:"
            ),
            (
                command: "immuclient iscan --reverse --limit 10",
                what: "Prints the ten newest entries:"
            ),
        ],
        "immuclient count": [
            (
                command: "immuclient count user:",
                what: "Prints how many keys have a prefix:"
            )
        ],
        "immuclient safeset": [
            (
                command: "immuclient safeset hello world",
                what: "Adds an entry, and verifies that the server has it:"
            )
        ],
        "immuclient safeget": [
            (
                command: "immuclient safeget hello --value-only",
                what: "Prints a value, verified, and nothing else:"
            )
        ],
        "immuclient rawsafeset": [
            (
                command: "immuclient rawsafeset logo < logo.png",
                what: "Adds the bytes of a file as they are, without a time:"
            )
        ],
        "immuclient rawsafeget": [
            (
                command: "immuclient rawsafeget logo --value-only > logo.png",
                what: "Prints a value as it is stored, with a line feed behind it:"
            )
        ],
        "immuclient safereference": [
            (
                command: "immuclient safereference latest report-7",
                what: "Makes latest a second name of report-7, verified:"
            )
        ],
        "immuclient safezadd": [
            (
                command: "immuclient safezadd temperatures 21.5 rome",
                what: "Adds a member with a score, verified:"
            )
        ],
        "immuclient inclusion": [
            (
                command: "immuclient inclusion 0",
                what: "Checks that the first entry is in the tree:"
            )
        ],
        "immuclient check-consistency": [
            (
                command: "immuclient check-consistency 3 69cbac7f2abe6a73ffba383b409d0"
                    + "f6d4e7b8c31c532a9b9e4d717c8753cb669",
                what: "Checks against an index and a hash that current printed earlier:"
            )
        ],
        "immuclient receipt": [
            (
                command: "immuclient receipt hello hello.receipt",
                what: "Writes a file that proves an entry:"
            )
        ],
        "immuclient verify-receipt": [
            (
                command: "immuclient verify-receipt hello.receipt",
                what: "Checks it, without the server:"
            ),
            (
                command: "immuclient verify-receipt hello.receipt server",
                what: "Has the server prove that the receipt is of its history:"
            ),
        ],
        "immuclient current": [
            (
                command: "immuclient current",
                what: "Prints last index and root:"
            ),
            (
                command: "immuclient current --json",
                what: "With the identifier of the server:"
            ),
        ],
        "immuclient ping": [
            (
                command: "immuclient ping -a db.example.org",
                what: "Asks another server:"
            )
        ],
        "immuclient login": [
            (
                command: "immuclient login joe",
                what: "Asks for the password:"
            ),
            (
                command: "immuclient login joe < password.txt",
                what: "Takes the password from the first line of a file:"
            ),
        ],
        "immuclient logout": [
            (
                command: "immuclient logout",
                what: "Removes the token:"
            )
        ],
        "immuclient dump": [
            (
                command: "immuclient dump all.bkp",
                what: "Writes all entries to a file:"
            )
        ],
        "immuclient audit-mode": [
            (
                command: "immuclient audit-mode run --once --audit-period 0",
                what: "Reads and verifies everything, once, and says by the exit code whether it holds:"
            ),
            (
                command: "immuclient audit-mode start --audit-notification-url https://example.org/audit",
                what: "Audits in the background, and reports each round:"
            ),
            (
                command: "immuclient audit-mode status",
                what: "Shows whether it runs, and what it found:"
            ),
        ],
        "immuclient it": [
            (
                command: "immuclient it",
                what: "Asks for one command after the other:"
            ),
            (
                command: "immuclient it < commands.txt",
                what: "Runs the commands of a file on one connection:"
            ),
        ],
        "immuclient completion": [
            (
                command: "source <(immuclient completion bash)",
                what: "Completes commands and flags in this bash:"
            )
        ],
        "immuclient version": [
            (
                command: "immuclient version",
                what: "Prints the version:"
            )
        ],
    ]
}
