import ImmudbVerification

// The code of docs/verification.md; `PageTests` runs it, and compares the two.

enum VerificationSnippets {
    static func receipt(_ text: String, _ trusted: TrustedRoot) throws {
        let receipt = try Receipt(text: text)
        try receipt.verify()
        print(receipt.entry.text ?? "", receipt.root)
        if let verified = try receipt.verify(trusting: trusted) {
            print("entry \(verified.value.index) is in the history that was trusted")
        }
    }

    static func signedReceipt(_ receipt: Receipt, _ publicKeyText: String) throws {
        let key = try RootPublicKey(pem: publicKeyText)
        let signed = try receipt.verify(signedBy: key)
        print("the server has signed a tree with entry \(signed.value.index)")
    }

    static func answer(
        _ entry: Entry, _ proof: UncheckedProof, since root: TrustedRoot
    ) throws -> TrustedRoot {
        var trusted = root
        let base = trusted
        let verified = try proof.verify(read: entry, of: Array("hello".utf8), since: base)
        trusted = try trusted.advanced(from: base, to: verified.root)
        return trusted
    }
}
