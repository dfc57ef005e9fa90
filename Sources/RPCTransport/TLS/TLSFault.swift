import NIOSSL

/// The reason why TLS has failed, as one side has found. The texts are for people, in the message of a failed call or
/// in a server's log.
enum TLSFault: Error {
    /// The other side does not speak TLS at all.
    case plainText
    /// The other side has sent more than any handshake needs.
    case tooLong
    /// The other side has agreed to a protocol other than HTTP/2, or to none.
    case noHTTP2
    /// The certificate of a session that is resumed is no longer valid.
    case certificate(String)
    /// For a client: the name to verify is an address, but not the one that the client is connected to.
    case otherAddress(name: String, address: String)

    /// Returns whether an error has one of BoringSSL's names, which NIOSSL reports only as text.
    private static func isOf(_ error: any Error, _ names: String...) -> Bool {
        let text = "\(error)"
        return names.contains { text.contains($0) }
    }

    /// Returns BoringSSL's own name of an error, for errors without a better text.
    private static func words(of error: any Error) -> String {
        let stack: NIOBoringSSLErrorStack? =
            switch error {
            case NIOSSLError.handshakeFailed(.sslError(let stack)): stack
            case BoringSSLError.sslError(let stack): stack
            default: nil
            }
        guard let first = stack?.first else { return "\(error)" }
        // error:1000042e:SSL routines:OPENSSL_internal:NAME at /path:12
        let parts = "\(first)".split(separator: ":")
        let name = parts.first { $0.contains(" at ") }?.split(separator: " ").first
        return name.map { $0.lowercased().replacing("_", with: " ") } ?? "\(first)"
    }

    // MARK: for a client

    /// - Parameters:
    ///   - certificate: the server's, if it was received.
    ///   - name: the name for which it must be valid.
    static func atClient(
        _ error: any Error, _ certificate: NIOSSLCertificate?, _ tls: ClientTLS, name: String
    ) -> String {
        switch error {
        case Self.plainText: "the server does not use TLS"
        case Self.tooLong: "the server sends more than a TLS handshake needs"
        case Self.noHTTP2: "the server does not agree to HTTP/2 (ALPN h2)"
        case Self.certificate(let reason): reason
        case Self.otherAddress(let name, let address):
            "the server's name is given as the address \(name), but the connection leads to "
                + "\(address): give a name of its certificate"
        case is NIOSSLExtraError:
            ofServerName(certificate, name, error)
        case _ where isOf(error, "CERTIFICATE_VERIFY_FAILED"):
            ofServerCertificate(certificate, tls)
        case _ where isOf(error, "EOF during handshake"):
            "the server has closed the connection during the TLS handshake"
        case _ where isOf(error, "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_RECORD"):
            "the server does not use TLS"
        case _ where isOf(error, "UNSUPPORTED_PROTOCOL", "ALERT_PROTOCOL_VERSION"):
            "the server does not agree to TLS 1.2 or 1.3"
        case _ where isOf(error, "ALERT_CERTIFICATE_REQUIRED"):
            "the server wants a client certificate, and this client has none"
        case _ where isOf(error, "ALERT_NO_APPLICATION_PROTOCOL"):
            "the server does not agree to HTTP/2 (ALPN h2)"
        default: refusal(error, tls)
        }
    }

    private static func ofServerName(
        _ certificate: NIOSSLCertificate?, _ name: String, _ error: any Error
    ) -> String {
        guard let certificate, (error as? NIOSSLExtraError) == .failedToValidateHostname else {
            return "\"\(name)\" is not a name that a server's certificate can have"
        }
        return "the server's certificate is for \(CertificateFacts(certificate).names), not for "
            + "\(name)"
    }

    private static func ofServerCertificate(
        _ certificate: NIOSSLCertificate?, _ tls: ClientTLS
    ) -> String {
        guard let certificate else { return "the server's certificate cannot be verified" }
        let facts = CertificateFacts(certificate)
        if let fault = facts.fault(for: .server) {
            return "the server's certificate, \(facts.subject), \(fault)"
        }
        return "the server's certificate, \(facts.subject), is of an authority that "
            + "\(tls.authoritiesText) does not have (\(facts.issuer)), or that is not valid"
    }

    private static func refusal(_ error: any Error, _ tls: ClientTLS) -> String {
        let own = tls.certificatePath.map { "the client's certificate in \($0)" }
        let reason =
            if isOf(error, "ALERT_UNKNOWN_CA") {
                "it is of an authority that the server does not have"
            } else if isOf(error, "ALERT_CERTIFICATE_EXPIRED") {
                "it has expired"
            } else if isOf(error, "ALERT_CERTIFICATE_REVOKED") {
                "it was revoked"
            } else if isOf(error, "ALERT_UNSUPPORTED_CERTIFICATE") {
                "it is not for clients"
            } else if isOf(error, "CERTIFICATE") {
                words(of: error)
            } else {
                nil as String?
            }
        if let reason, let own { return "the server refuses \(own): \(reason)" }
        if own == nil, isOf(error, "ALERT_HANDSHAKE_FAILURE") {
            return "the server has ended the TLS handshake: it may want a client certificate, and "
                + "this client has none"
        }
        return "TLS failed: \(words(of: error))"
    }

    // MARK: for a server

    /// - Parameter certificate: the client's, if it was received.
    static func atServer(
        _ error: any Error, _ certificate: NIOSSLCertificate?, _ tls: ServerTLS
    ) -> String {
        switch error {
        case Self.plainText: "the client does not use TLS"
        case Self.tooLong: "the client has sent more than a TLS handshake needs"
        case Self.noHTTP2: "the client does not offer HTTP/2 (ALPN h2)"
        case Self.certificate(let reason): reason
        case _ where isOf(error, "PEER_DID_NOT_RETURN_A_CERTIFICATE"):
            "the client has no certificate"
        case _ where isOf(error, "CERTIFICATE_VERIFY_FAILED"):
            ofClientCertificate(certificate, tls)
        case _ where isOf(error, "UNSUPPORTED_PROTOCOL", "WRONG_VERSION_NUMBER"):
            "the client does not offer TLS 1.2 or 1.3"
        case _ where isOf(error, "ALERT_UNKNOWN_CA"):
            "the client does not have the authority of the server's certificate"
        case _ where isOf(error, "ALERT_CERTIFICATE_EXPIRED"):
            "the client says that the server's certificate has expired"
        case _ where isOf(error, "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE_UNKNOWN"):
            "the client does not accept the server's certificate: its time, its name or its "
                + "authority is not what the client expects"
        case _ where isOf(error, "EOF during handshake"): "the client has left"
        default: words(of: error)
        }
    }

    private static func ofClientCertificate(
        _ certificate: NIOSSLCertificate?, _ tls: ServerTLS
    ) -> String {
        guard let certificate else { return "the client's certificate cannot be verified" }
        let facts = CertificateFacts(certificate)
        if let fault = facts.fault(for: .client) {
            return "the client's certificate, \(facts.subject), \(fault)"
        }
        return "the client's certificate, \(facts.subject), is of an authority that "
            + "\(tls.clientAuthoritiesPath ?? "the server") does not have (\(facts.issuer)), or "
            + "that is not valid"
    }
}
