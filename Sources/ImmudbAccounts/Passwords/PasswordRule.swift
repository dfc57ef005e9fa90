/// The rule for passwords, as in immudb 0.6.
public enum PasswordRule {
    /// The text for a person whose password was refused.
    public static let text =
        "password must have between 8 and 32 letters, digits and special characters of which at least 1 "
        + "uppercase letter, 1 digit and 1 special character"

    /// The allowed numbers of bytes.
    static let lengths = 8...32

    /// Whether the rule allows a password. Letters must have a case; digits, punctuation and
    /// symbols are those of Unicode.
    public static func allows(_ password: some Collection<UInt8>) -> Bool {
        guard lengths.contains(password.count),
            let text = String(validating: password, as: UTF8.self)
        else { return false }
        var (hasUpper, hasDigit, hasSpecial) = (false, false, false)
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .uppercaseLetter: hasUpper = true
            case .lowercaseLetter: break
            case .decimalNumber: hasDigit = true
            case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
                .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol,
                .currencySymbol, .modifierSymbol, .otherSymbol:
                hasSpecial = true
            default: return false
            }
        }
        return hasUpper && hasDigit && hasSpecial
    }
}

/// Generates random passwords.
enum GeneratedPassword {
    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!?")

    /// Draws 32 characters from 64 with the system's generator: 192 bits, less for the few
    /// passwords that break the rule and are drawn again.
    static func draw() -> String {
        var generator = SystemRandomNumberGenerator()
        while true {
            let password = String(
                (0..<32).map { _ in letters[Int.random(in: 0..<letters.count, using: &generator)] })
            if PasswordRule.allows(password.utf8) { return password }
        }
    }
}
