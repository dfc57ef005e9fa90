import Glibc
import ImmudbAccounts

/// What users cost: to check the token of a call, to let somebody in, to hash a password; and what they cost others.
func measureAccounts(_ report: inout Report) async throws {
    let folder = try BenchFolder()
    let accounts = try Accounts.open(in: folder.path)
    let password = try await login(accounts, "", isForAdministration: true)
    let hashStart = now()
    _ = try await login(accounts, password)
    report.add(
        "login: first of a user, with its hash", (now() - hashStart) * 1e3, unit: "ms",
        .atMost(200),
        "scrypt, its rest, and a durable audit entry")
    let loginStart = now()
    let loginCount = 100
    for _ in 0..<loginCount { _ = try await login(accounts, password) }
    report.add(
        "login: again", (now() - loginStart) / Double(loginCount) * 1e3, unit: "ms", .none,
        "no hash; with a durable audit entry")

    let header = "Bearer " + (try await login(accounts, password))
    let count = 2_000_000
    let known = cost(count) { accounts.caller(presenting: header) != nil }
    report.add(
        "token: check of a call", known, unit: "µs", .atMost(2), "\(count) checks, one thread")
    let forged = header.dropLast(13) + "AAAA" + header.suffix(9)
    let repeated = cost(10_000) { accounts.caller(presenting: String(forged)) == nil }
    report.add(
        "token: refusal of one with a wrong signature", repeated, unit: "µs", .none,
        "by somebody who has a token of the user")
    let stranger = header.replacing("v2.public.eyJ", with: "v2.public.eyK")
    let strangers = cost(100_000) { accounts.caller(presenting: stranger) == nil }
    report.add(
        "token: refusal of a stranger's", strangers, unit: "µs", .none, "no signature is looked at")
    try accounts.close()
    try await measureUsers(&report)
}

/// Of one call, in microseconds.
private func cost(_ count: Int, _ call: () -> Bool) -> Double {
    let start = now()
    for _ in 0..<count where !call() { preconditionFailure("a check went wrong") }
    return (now() - start) / Double(count) * 1e6
}

/// - Returns: a token, or the password of the administrator who was made.
private func login(
    _ accounts: Accounts, _ password: String, isForAdministration: Bool = false
) async throws -> String {
    let request = LoginRequest(
        user: Array("immu".utf8), password: Array(password.utf8),
        isForAdministration: isForAdministration)
    let origin = Origin(address: "127.0.0.1:1", host: "127.0.0.1", isLocal: true, lane: 0)
    let answer = await withCheckedContinuation { continuation in
        accounts.login(request, from: origin, isCancelled: { false }) {
            continuation.resume(returning: $0)
        }
    }
    switch try answer.get() {
    case .token(let token): return token
    case .firstAdministrator(let password): return password
    }
}
