import NIOSSL

/// A certificate with the intermediate certificates up to an authority, and its key.
struct TLSIdentity {
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey

    /// Reads both files and checks that the certificate is valid now and that the key belongs to it.
    init(
        certificate certificatePath: String, key keyPath: String, for usage: CertificateFacts.Usage
    ) throws(TLSFileError) {
        chain = try PEMFile(.certificate, certificatePath).certificates()
        key = try PEMFile(.key, keyPath).privateKey()
        if let fault = CertificateFacts(chain[0]).fault(for: usage) {
            throw TLSFileError(.certificate, certificatePath, "the certificate \(fault)")
        }
        var trial = TLSConfiguration.makeClientConfiguration()
        trial.trustRoots = .certificates([])
        use(in: &trial)
        do {
            _ = try NIOSSLContext(configuration: trial)
        } catch NIOSSLError.failedToLoadPrivateKey {
            throw TLSFileError(
                .key, keyPath, "it is not the key of the certificate in \(certificatePath)")
        } catch {
            throw TLSFileError(
                .certificate, certificatePath, "the certificate cannot be used: \(error)")
        }
    }

    func use(in configuration: inout TLSConfiguration) {
        configuration.certificateChain = chain.map { .certificate($0) }
        configuration.privateKey = .privateKey(key)
    }

    /// Returns the authorities of a file, at least one of which is valid now.
    static func authorities(_ path: String) throws(TLSFileError) -> [NIOSSLCertificate] {
        let certificates = try PEMFile(.authorities, path).certificates()
        let faults = certificates.map { CertificateFacts($0).faultOfTime }
        if let fault = faults[0], !faults.contains(nil) {
            throw TLSFileError(
                .authorities, path,
                faults.count == 1
                    ? "its certificate \(fault)" : "none of its certificates is valid now")
        }
        return certificates
    }
}

extension TLSConfiguration {
    /// Sets the requirements of both sides: at least TLS 1.2, and HTTP/2.
    mutating func wantHTTP2() { want("h2") }

    /// Accepts only TLS 1.2 and later, and offers one protocol of the application.
    mutating func want(_ applicationProtocol: String) {
        minimumTLSVersion = .tlsv12
        applicationProtocols = [applicationProtocol]
    }
}
