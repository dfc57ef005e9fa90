import ImmudbProtocol
public import ImmudbVerification

extension ImmudbClient {
    /// How often a key's newest entry may be newer than the signed root before a receipt is given up.
    private static let receiptAttemptCount = 8

    /// Returns a receipt of a key's newest entry: the entry with its proof, which can be checked without this server.
    /// It is verified before it is returned, and carries the server's signature if the server signs its roots.
    ///
    /// - Throws: as `verifiedGet`; `ClientError` with code `.refused` for the name of a reference,
    ///   since a receipt is of one entry.
    public func receipt(of key: [UInt8]) async throws -> Receipt {
        try await keepingEvidence {
            let (verified, proof) = try await verifiedGet(key)
            guard verified.reference == nil else {
                let target = String(decoding: verified.value.key, as: UTF8.self)
                throw ClientError(
                    .refused,
                    "the key is a reference to '\(target)': ask for a receipt of that key")
            }
            let receipt = Receipt(
                server: identity, entry: verified.value, root: verified.root,
                path: try proof.inclusion().proof.path)
            for _ in 0..<Self.receiptAttemptCount {
                let signed = try await signedRoot()
                guard let signature = signed.signature else { return receipt }
                if let receipt = try await self.receipt(of: key, signed.root, signature) {
                    return receipt
                }
            }
            throw ClientError(
                .unavailable,
                "the key is written faster than the server signs its roots: try again")
        }
    }

    /// Returns a receipt whose tree continues a signed one.
    ///
    /// - Returns: nil if the newest entry is not in the signed tree.
    private func receipt(
        of key: [UInt8], _ signed: TrustedRoot, _ signature: RootSignature
    ) async throws -> Receipt? {
        guard let last = signed.size.lastIndex else { return nil }
        var request = Immudb_Schema_SafeGetOptions()
        request.key = Immudb_Schema_Key(key).key
        request.rootIndex = Immudb_Schema_Index(last)
        // The proof then says that the newest tree continues the signed one.
        let response: Immudb_Schema_SafeItem = try await verifiedCall(
            ImmuService.safeGet, request, since: signed, about: [GivenName(.existingKey, key)])
        let proof = UncheckedProof(response.proof)
        let verified = try proof.verify(read: Entry(response.item), of: key, since: signed)
        try await trustLinked([signed, verified.root])
        guard signed.size.contains(verified.value.index) else { return nil }
        let receipt = Receipt(
            server: identity, entry: verified.value, root: verified.root,
            path: try proof.inclusion().proof.path,
            signedTree: Receipt.SignedTree(
                root: signed, signature: signature,
                path: try Digest.path(received: proof.consistencyPath)))
        try receipt.verify()
        return receipt
    }

    /// Verifies a receipt with the server's help: that its tree and everything that this client trusts are of one
    /// history. The server may have another identity than the receipt's, as one that was restored from a backup: its
    /// history decides.
    ///
    /// - Throws: `VerificationError` if they are not, or the receipt does not prove its entry: with code
    ///   `.receiptRefuted` the receipt is wrong, otherwise the server is not to be trusted. `ClientError` with code
    ///   `.refused` for a receipt of another server whose history this one does not have.
    public func verify(_ receipt: Receipt) async throws -> Verified<Entry> {
        try receipt.verify()
        do {
            return try await keepingEvidence {
                try await trustLinked([receipt.root], isForeign: true)
                return try Verified(receipt)
            }
        } catch let error as VerificationError
            where error.code == .receiptRefuted && receipt.server != identity
        {
            throw ClientError(
                .refused, "the receipt is of server \(receipt.server), this is \(identity)")
        }
    }
}
