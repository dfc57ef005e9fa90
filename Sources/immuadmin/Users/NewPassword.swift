import ClientKit
import ImmudbAccounts
import Terminal

/// A password that a person chooses, asked for twice.
enum NewPassword {
    static let rule = PasswordRule.text

    /// - Parameter complaint: about one that breaks the rule.
    /// - Throws: `ToolError` if it breaks the rule, or the second differs from the first.
    static func ask(
        _ label: String, confirmation: String, orElse complaint: String
    ) throws -> String {
        let password = try Prompt.password(label)
        guard PasswordRule.allows(password.utf8) else {
            throw ToolError(complaint, code: "WeakPassword")
        }
        guard try Prompt.password(confirmation) == password else {
            throw ToolError("Passwords don't match", code: "Usage")
        }
        return password
    }
}
