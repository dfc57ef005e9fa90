import Crypto
import Synchronization

/// A current or former user, in the server's memory.
///
/// Lives as long as the registry, so that a token that was verified once can be checked against its
/// user without a look-up.
final class Account: Sendable {
    let name: UserName

    private struct State {
        /// nil if the user was deleted.
        var credentials: Credentials?
        /// The proof of the password of the last login, made with a key of this process: see
        /// `PasswordMemory`.
        var remembered: PasswordMemory.Proof?
    }

    private let state: Mutex<State>
    /// The number of the current credentials, or 0 if the user was deleted.
    private let currentNumber: Atomic<UInt64>

    init(name: UserName, credentials: Credentials?) {
        self.name = name
        state = Mutex(State(credentials: credentials))
        currentNumber = Atomic(credentials?.number ?? 0)
    }

    var isAdministrator: Bool { name == .administrator }

    /// nil if the user was deleted.
    var credentials: Credentials? { state.withLock { $0.credentials } }

    /// Returns whether the credentials with this number are current. Takes no lock, since every
    /// call needs this.
    func isCurrent(_ number: UInt64) -> Bool {
        number != 0 && currentNumber.load(ordering: .acquiring) == number
    }

    /// Replaces the credentials; nil deletes the user. Tokens of the old ones are refused from now
    /// on.
    func replace(_ credentials: Credentials?) {
        state.withLock { state in
            state = State(credentials: credentials)
            currentNumber.store(credentials?.number ?? 0, ordering: .releasing)
        }
    }

    /// Remembers the proof of a password, unless the credentials have changed meanwhile.
    func remember(_ proof: PasswordMemory.Proof, of number: UInt64) {
        state.withLock { state in
            if state.credentials?.number == number { state.remembered = proof }
        }
    }

    func remembers(_ proof: PasswordMemory.Proof) -> Bool {
        state.withLock { $0.remembered } == proof
    }
}

/// The password of a user as a hash, and the number that tokens carry.
struct Credentials: Hashable, Sendable {
    /// A random number for each password, never 0. Tokens contain it: those of an earlier password,
    /// or of a deleted user of the same name, have another number. Attackers do not know it, so a
    /// forged token is refused before its signature is checked.
    let number: UInt64
    let hash: PasswordHash

    init(_ hash: PasswordHash, number: UInt64 = .random(in: 1 ... .max)) {
        self.hash = hash
        self.number = number
    }
}
