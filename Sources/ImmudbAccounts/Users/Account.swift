import Crypto
import Synchronization

/// A user who exists or existed, as the server has it in memory.
///
/// Lives as long as the registry, so that a token that was verified once can be checked against its
/// user without a look-up.
final class Account: Sendable {
    let name: UserName

    private struct State {
        /// nil for a user who was deleted.
        var credentials: Credentials?
        /// Proves the password of the last login, with a key of this process: see `PasswordMemory`.
        var remembered: PasswordMemory.Proof?
    }

    private let state: Mutex<State>
    /// The number of the credentials that are in force; 0 for a user who was deleted.
    private let currentNumber: Atomic<UInt64>

    init(name: UserName, credentials: Credentials?) {
        self.name = name
        state = Mutex(State(credentials: credentials))
        currentNumber = Atomic(credentials?.number ?? 0)
    }

    var isAdministrator: Bool { name == .administrator }

    /// nil for a user who was deleted.
    var credentials: Credentials? { state.withLock { $0.credentials } }

    /// Whether those credentials are in force. Takes no lock: this is asked for every call.
    func isCurrent(_ number: UInt64) -> Bool {
        number != 0 && currentNumber.load(ordering: .acquiring) == number
    }

    /// Puts other credentials in force, or none. Tokens of the old ones are refused from now on.
    func replace(_ credentials: Credentials?) {
        state.withLock { state in
            state = State(credentials: credentials)
            currentNumber.store(credentials?.number ?? 0, ordering: .releasing)
        }
    }

    /// Remembers what proves the password, unless the credentials are others by now.
    func remember(_ proof: PasswordMemory.Proof, of number: UInt64) {
        state.withLock { state in
            if state.credentials?.number == number { state.remembered = proof }
        }
    }

    func remembers(_ proof: PasswordMemory.Proof) -> Bool {
        state.withLock { $0.remembered } == proof
    }
}

/// What lets somebody in as a user.
struct Credentials: Hashable, Sendable {
    /// Drawn at random with each password, never 0. Tokens carry it: those of an earlier password, or of
    /// a user of the same name who was deleted, have another one. It is unknown to strangers, so that a
    /// forged token is refused before its signature is looked at.
    let number: UInt64
    let hash: PasswordHash

    init(_ hash: PasswordHash, number: UInt64 = .random(in: 1 ... .max)) {
        self.hash = hash
        self.number = number
    }
}
